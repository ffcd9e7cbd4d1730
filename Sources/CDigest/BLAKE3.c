// BLAKE3 in hash mode, written from "BLAKE3: one function, fast everywhere" (2020), section 2.
//
// The input is cut into chunks of 1024 bytes, each chunk gives a chaining value, and the values are joined as a
// binary tree. A stack of one value per level is all that has to be remembered, so memory does not grow.

#include "Internal.h"
#include <string.h>

enum { CHUNK_START = 1, CHUNK_END = 2, PARENT = 4, ROOT = 8 };

// Four chunks are hashed side by side, one in each lane of a vector.
typedef uint32_t lanes __attribute__((vector_size(16)));
enum { LANES = 4 };

static const uint32_t IV[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint8_t SCHEDULE[7][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
    {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1},
    {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
    {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4},
    {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
    {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13},
};

// The quarter round and the round are the same for single words and for vectors.
#define ROTATE(word, by) (((word) >> (by)) | ((word) << (32 - (by))))
#define MIX(a, b, c, d, x, y)                                                                                          \
    do {                                                                                                               \
        v[a] += v[b] + (x), v[d] = ROTATE(v[d] ^ v[a], 16), v[c] += v[d], v[b] = ROTATE(v[b] ^ v[c], 12);              \
        v[a] += v[b] + (y), v[d] = ROTATE(v[d] ^ v[a], 8), v[c] += v[d], v[b] = ROTATE(v[b] ^ v[c], 7);                \
    } while (0)
#define ROUND(s)                                                                                                       \
    do {                                                                                                               \
        MIX(0, 4, 8, 12, m[(s)[0]], m[(s)[1]]); MIX(1, 5, 9, 13, m[(s)[2]], m[(s)[3]]);                                \
        MIX(2, 6, 10, 14, m[(s)[4]], m[(s)[5]]); MIX(3, 7, 11, 15, m[(s)[6]], m[(s)[7]]);                              \
        MIX(0, 5, 10, 15, m[(s)[8]], m[(s)[9]]); MIX(1, 6, 11, 12, m[(s)[10]], m[(s)[11]]);                            \
        MIX(2, 7, 8, 13, m[(s)[12]], m[(s)[13]]); MIX(3, 4, 9, 14, m[(s)[14]], m[(s)[15]]);                            \
    } while (0)

/// Replaces `cv` by the chaining value of one more block.
static void compress(uint32_t cv[8], const uint8_t *block, size_t length, uint64_t counter, uint32_t flags) {
    uint32_t m[16];
    for (int i = 0; i < 16; i++) m[i] = load32(block + 4 * i);
    uint32_t v[16] = {
        cv[0], cv[1], cv[2], cv[3], cv[4], cv[5], cv[6], cv[7],
        IV[0], IV[1], IV[2], IV[3], (uint32_t)counter, (uint32_t)(counter >> 32), (uint32_t)length, flags,
    };
#pragma unroll
    for (int round = 0; round < 7; round++) ROUND(SCHEDULE[round]);
    for (int i = 0; i < 8; i++) cv[i] = v[i] ^ v[i + 8];
}

/// The chaining values of `LANES` whole chunks that lie one after another.
static void compress_chunks(uint32_t out[LANES][8], const uint8_t *data, uint64_t counter) {
    lanes low, high;
    for (int lane = 0; lane < LANES; lane++) {
        low[lane] = (uint32_t)(counter + lane);
        high[lane] = (uint32_t)((counter + lane) >> 32);
    }
    lanes cv[8];
    for (int i = 0; i < 8; i++) cv[i] = (lanes){IV[i], IV[i], IV[i], IV[i]};
    for (int index = 0; index < BLAKE3_CHUNK / BLAKE3_BLOCK; index++) {
        const uint8_t *block = data + index * BLAKE3_BLOCK;
        lanes m[16];
        for (int i = 0; i < 16; i++) {
            m[i] = (lanes){
                load32(block + 4 * i),
                load32(block + BLAKE3_CHUNK + 4 * i),
                load32(block + 2 * BLAKE3_CHUNK + 4 * i),
                load32(block + 3 * BLAKE3_CHUNK + 4 * i),
            };
        }
        uint32_t flags = 0;
        if (index == 0) flags |= CHUNK_START;
        if (index == BLAKE3_CHUNK / BLAKE3_BLOCK - 1) flags |= CHUNK_END;
        lanes v[16];
        for (int i = 0; i < 8; i++) v[i] = cv[i];
        for (int i = 0; i < 4; i++) v[8 + i] = (lanes){IV[i], IV[i], IV[i], IV[i]};
        v[12] = low, v[13] = high;
        v[14] = (lanes){BLAKE3_BLOCK, BLAKE3_BLOCK, BLAKE3_BLOCK, BLAKE3_BLOCK};
        v[15] = (lanes){flags, flags, flags, flags};
#pragma unroll
        for (int round = 0; round < 7; round++) ROUND(SCHEDULE[round]);
        for (int i = 0; i < 8; i++) cv[i] = v[i] ^ v[i + 8];
    }
    for (int lane = 0; lane < LANES; lane++)
        for (int i = 0; i < 8; i++) out[lane][i] = cv[i][lane];
}

/// Replaces `right` by the chaining value of the parent of both.
static void join(const uint32_t left[8], uint32_t right[8], uint32_t flags) {
    uint8_t block[BLAKE3_BLOCK];
    for (int i = 0; i < 8; i++) store32(block + 4 * i, left[i]), store32(block + 32 + 4 * i, right[i]);
    memcpy(right, IV, sizeof IV);
    compress(right, block, BLAKE3_BLOCK, 0, PARENT | flags);
}

/// Adds the value of a whole chunk that is known not to be the last, joining all subtrees that it completes.
static void push(blake3_hasher *hasher, const uint32_t chunk[8]) {
    uint32_t cv[8];
    memcpy(cv, chunk, sizeof cv);
    hasher->chunk_counter += 1;
    for (uint64_t total = hasher->chunk_counter; (total & 1) == 0; total >>= 1) {
        hasher->stack_length -= 1;
        join(hasher->stack[hasher->stack_length], cv, 0);
    }
    memcpy(hasher->stack[hasher->stack_length], cv, sizeof cv);
    hasher->stack_length += 1;
}

static void begin_chunk(blake3_hasher *hasher) {
    memcpy(hasher->cv, IV, sizeof IV);
    hasher->block_length = 0;
    hasher->blocks_done = 0;
}

void annexd_blake3_init(blake3_hasher *hasher) {
    begin_chunk(hasher);
    hasher->chunk_counter = 0;
    hasher->stack_length = 0;
}

void annexd_blake3_update(blake3_hasher *hasher, const uint8_t *data, size_t count) {
    while (count > 0) {
        // The last block of all is compressed differently, so a full block waits until more bytes come.
        if (hasher->block_length == BLAKE3_BLOCK) {
            uint32_t flags = hasher->blocks_done == 0 ? CHUNK_START : 0;
            int ends = hasher->blocks_done == BLAKE3_CHUNK / BLAKE3_BLOCK - 1;
            if (ends) flags |= CHUNK_END;
            compress(hasher->cv, hasher->block, BLAKE3_BLOCK, hasher->chunk_counter, flags);
            hasher->blocks_done += 1;
            hasher->block_length = 0;
            if (ends) {
                push(hasher, hasher->cv);
                begin_chunk(hasher);
            }
        }
        if (hasher->block_length == 0 && hasher->blocks_done == 0) {
            while (count > LANES * BLAKE3_CHUNK) {
                uint32_t values[LANES][8];
                compress_chunks(values, data, hasher->chunk_counter);
                for (int lane = 0; lane < LANES; lane++) push(hasher, values[lane]);
                data += LANES * BLAKE3_CHUNK;
                count -= LANES * BLAKE3_CHUNK;
            }
        }
        size_t part = BLAKE3_BLOCK - hasher->block_length;
        if (part > count) part = count;
        memcpy(hasher->block + hasher->block_length, data, part);
        hasher->block_length += part;
        data += part;
        count -= part;
    }
}

void annexd_blake3_final(blake3_hasher *hasher, uint8_t out[32]) {
    memset(hasher->block + hasher->block_length, 0, BLAKE3_BLOCK - hasher->block_length);
    uint32_t flags = CHUNK_END | (hasher->blocks_done == 0 ? CHUNK_START : 0);
    if (hasher->stack_length == 0) flags |= ROOT;
    uint32_t cv[8];
    memcpy(cv, hasher->cv, sizeof cv);
    compress(cv, hasher->block, hasher->block_length, hasher->chunk_counter, flags);
    for (size_t level = hasher->stack_length; level > 0; level--) {
        join(hasher->stack[level - 1], cv, level == 1 ? ROOT : 0);
    }
    for (int i = 0; i < 8; i++) store32(out + 4 * i, cv[i]);
}
