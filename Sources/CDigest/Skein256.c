// Skein-256-256, written from "The Skein Hash Function Family", version 1.3, sections 3.3 to 3.5.

#include "Internal.h"
#include <string.h>

enum { BLOCK = 32 };

// Tweak flags, in the upper word: the type of the block, and whether it opens or closes its message.
static const uint64_t FIRST = 1ULL << 62, FINAL = 1ULL << 63;
static const uint64_t TYPE_CONFIGURATION = 4ULL << 56, TYPE_MESSAGE = 48ULL << 56, TYPE_OUTPUT = 63ULL << 56;

static const unsigned ROTATION[8][2] = {
    {14, 16}, {52, 57}, {23, 40}, {5, 37}, {25, 33}, {46, 12}, {58, 22}, {32, 32},
};

static inline uint64_t rotate(uint64_t word, unsigned by) { return word << by | word >> (64 - by); }

/// One UBI step: Threefish-256 over `block` with the chain as its key, and the block fed forward.
static void process(uint64_t chain[4], const uint8_t block[BLOCK], uint64_t position, uint64_t flags) {
    const uint64_t key[5] = {
        chain[0], chain[1], chain[2], chain[3],
        0x1BD11BDAA9FC1A22ULL ^ chain[0] ^ chain[1] ^ chain[2] ^ chain[3],
    };
    const uint64_t tweak[3] = {position, flags, position ^ flags};
    uint64_t input[4], a, b, c, d;
    for (int i = 0; i < 4; i++) input[i] = load64(block + 8 * i);
    a = input[0], b = input[1], c = input[2], d = input[3];
#pragma unroll
    for (unsigned s = 0; s <= 18; s++) {
        a += key[s % 5];
        b += key[(s + 1) % 5] + tweak[s % 3];
        c += key[(s + 2) % 5] + tweak[(s + 1) % 3];
        d += key[(s + 3) % 5] + s;
        if (s == 18) break;
#pragma unroll
        for (unsigned round = 0; round < 4; round++) {
            const unsigned *by = ROTATION[(4 * s + round) % 8];
            a += b, b = rotate(b, by[0]) ^ a;
            c += d, d = rotate(d, by[1]) ^ c;
            uint64_t swapped = b;
            b = d, d = swapped;
        }
    }
    chain[0] = a ^ input[0], chain[1] = b ^ input[1], chain[2] = c ^ input[2], chain[3] = d ^ input[3];
}

void annexd_skein256_init(skein256_hasher *hasher) {
    // The configuration string: "SHA3", version 1, the output length in bits, and no tree.
    uint8_t configuration[BLOCK] = {'S', 'H', 'A', '3', 1};
    store64(configuration + 8, 256);
    memset(hasher, 0, sizeof *hasher);
    process(hasher->chain, configuration, BLOCK, TYPE_CONFIGURATION | FIRST | FINAL);
    hasher->first_flag = FIRST;
}

static void process_message(skein256_hasher *hasher, const uint8_t *block, size_t length, uint64_t flags) {
    hasher->position += length;
    process(hasher->chain, block, hasher->position, TYPE_MESSAGE | hasher->first_flag | flags);
    hasher->first_flag = 0;
}

void annexd_skein256_update(skein256_hasher *hasher, const uint8_t *data, size_t count) {
    while (count > 0) {
        // The last block carries a flag, so a full block waits until more bytes come.
        if (hasher->block_length == BLOCK) {
            process_message(hasher, hasher->block, BLOCK, 0);
            hasher->block_length = 0;
        }
        if (hasher->block_length == 0) {
            for (; count > BLOCK; data += BLOCK, count -= BLOCK) process_message(hasher, data, BLOCK, 0);
        }
        size_t part = BLOCK - hasher->block_length;
        if (part > count) part = count;
        memcpy(hasher->block + hasher->block_length, data, part);
        hasher->block_length += part;
        data += part;
        count -= part;
    }
}

void annexd_skein256_final(skein256_hasher *hasher, uint8_t out[32]) {
    memset(hasher->block + hasher->block_length, 0, BLOCK - hasher->block_length);
    process_message(hasher, hasher->block, hasher->block_length, FINAL);
    const uint8_t counter[BLOCK] = {0};
    process(hasher->chain, counter, 8, TYPE_OUTPUT | FIRST | FINAL);
    for (int i = 0; i < 4; i++) store64(out + 8 * i, hasher->chain[i]);
}
