/// What the files of this target share: byte order, and the digests that are written out here.
#pragma once
#include <blake2.h>
#include <stddef.h>
#include <stdint.h>

static inline uint32_t load32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static inline uint64_t load64(const uint8_t *bytes) {
    return (uint64_t)load32(bytes) | (uint64_t)load32(bytes + 4) << 32;
}

static inline void store32(uint8_t *bytes, uint32_t word) {
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(word >> (8 * i));
}

static inline void store64(uint8_t *bytes, uint64_t word) {
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(word >> (8 * i));
}

// BLAKE3: hash mode, 32 bytes out.

enum { BLAKE3_BLOCK = 64, BLAKE3_CHUNK = 1024, BLAKE3_MAX_DEPTH = 54 };

typedef struct {
    uint32_t cv[8];
    uint8_t block[BLAKE3_BLOCK];
    size_t block_length;
    size_t blocks_done;
    uint64_t chunk_counter;
    uint32_t stack[BLAKE3_MAX_DEPTH][8];
    size_t stack_length;
} blake3_hasher;

void annexd_blake3_init(blake3_hasher *hasher);
void annexd_blake3_update(blake3_hasher *hasher, const uint8_t *data, size_t count);
void annexd_blake3_final(blake3_hasher *hasher, uint8_t out[32]);

// Skein-256-256.

typedef struct {
    uint64_t chain[4];
    uint64_t position;
    uint64_t first_flag;
    uint8_t block[32];
    size_t block_length;
} skein256_hasher;

void annexd_skein256_init(skein256_hasher *hasher);
void annexd_skein256_update(skein256_hasher *hasher, const uint8_t *data, size_t count);
void annexd_skein256_final(skein256_hasher *hasher, uint8_t out[32]);

// BLAKE2sp and BLAKE2bp.

enum { BLAKE2SP_LEAVES = 8, BLAKE2BP_LEAVES = 4 };

typedef struct {
    blake2s_state leaves[BLAKE2SP_LEAVES];
    blake2s_state root;
    size_t position;
    size_t length;
} blake2sp_hasher;

typedef struct {
    blake2b_state leaves[BLAKE2BP_LEAVES];
    blake2b_state root;
    size_t position;
    size_t length;
} blake2bp_hasher;

int annexd_blake2sp_init(blake2sp_hasher *hasher, size_t length);
int annexd_blake2sp_update(blake2sp_hasher *hasher, const uint8_t *data, size_t count);
int annexd_blake2sp_final(blake2sp_hasher *hasher, uint8_t *out);
int annexd_blake2bp_init(blake2bp_hasher *hasher, size_t length);
int annexd_blake2bp_update(blake2bp_hasher *hasher, const uint8_t *data, size_t count);
int annexd_blake2bp_final(blake2bp_hasher *hasher, uint8_t *out);
