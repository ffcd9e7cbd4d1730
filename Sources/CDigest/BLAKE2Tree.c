// BLAKE2sp and BLAKE2bp over libb2's BLAKE2s and BLAKE2b (spec 01 §1.4).
//
// libb2 has both, but starts threads of its own for them, and a server that hashes many uploads wants one thread for
// each. The input is dealt to the leaves in turn, block by block; the root hashes what the leaves say.

#include "Internal.h"
#include <string.h>

int annexd_blake2sp_init(blake2sp_hasher *hasher, size_t length) {
    blake2s_param parameters;
    memset(hasher, 0, sizeof *hasher);
    memset(&parameters, 0, sizeof parameters);
    hasher->length = length;
    // The requested length counts in every node, though leaves always pass on all 32 bytes.
    parameters.digest_length = (uint8_t)length;
    parameters.fanout = BLAKE2SP_LEAVES;
    parameters.depth = 2;
    parameters.inner_length = BLAKE2S_OUTBYTES;
    for (int leaf = 0; leaf < BLAKE2SP_LEAVES; leaf++) {
        parameters.node_offset[0] = (uint8_t)leaf;
        if (blake2s_init_param(&hasher->leaves[leaf], &parameters) != 0) return 0;
        hasher->leaves[leaf].outlen = BLAKE2S_OUTBYTES;
    }
    hasher->leaves[BLAKE2SP_LEAVES - 1].last_node = 1;
    parameters.node_offset[0] = 0;
    parameters.node_depth = 1;
    if (blake2s_init_param(&hasher->root, &parameters) != 0) return 0;
    hasher->root.last_node = 1;
    return 1;
}

int annexd_blake2sp_update(blake2sp_hasher *hasher, const uint8_t *data, size_t count) {
    while (count > 0) {
        size_t leaf = hasher->position / BLAKE2S_BLOCKBYTES;
        size_t part = BLAKE2S_BLOCKBYTES - hasher->position % BLAKE2S_BLOCKBYTES;
        if (part > count) part = count;
        if (blake2s_update(&hasher->leaves[leaf], data, part) != 0) return 0;
        hasher->position = (hasher->position + part) % (BLAKE2SP_LEAVES * BLAKE2S_BLOCKBYTES);
        data += part;
        count -= part;
    }
    return 1;
}

int annexd_blake2sp_final(blake2sp_hasher *hasher, uint8_t *out) {
    uint8_t value[BLAKE2S_OUTBYTES];
    for (int leaf = 0; leaf < BLAKE2SP_LEAVES; leaf++) {
        if (blake2s_final(&hasher->leaves[leaf], value, sizeof value) != 0) return 0;
        if (blake2s_update(&hasher->root, value, sizeof value) != 0) return 0;
    }
    return blake2s_final(&hasher->root, out, hasher->length) == 0;
}

int annexd_blake2bp_init(blake2bp_hasher *hasher, size_t length) {
    blake2b_param parameters;
    memset(hasher, 0, sizeof *hasher);
    memset(&parameters, 0, sizeof parameters);
    hasher->length = length;
    parameters.digest_length = (uint8_t)length;
    parameters.fanout = BLAKE2BP_LEAVES;
    parameters.depth = 2;
    parameters.inner_length = BLAKE2B_OUTBYTES;
    for (int leaf = 0; leaf < BLAKE2BP_LEAVES; leaf++) {
        store64((uint8_t *)&parameters + offsetof(blake2b_param, node_offset), (uint64_t)leaf);
        if (blake2b_init_param(&hasher->leaves[leaf], &parameters) != 0) return 0;
        hasher->leaves[leaf].outlen = BLAKE2B_OUTBYTES;
    }
    hasher->leaves[BLAKE2BP_LEAVES - 1].last_node = 1;
    parameters.node_offset = 0;
    parameters.node_depth = 1;
    if (blake2b_init_param(&hasher->root, &parameters) != 0) return 0;
    hasher->root.last_node = 1;
    return 1;
}

int annexd_blake2bp_update(blake2bp_hasher *hasher, const uint8_t *data, size_t count) {
    while (count > 0) {
        size_t leaf = hasher->position / BLAKE2B_BLOCKBYTES;
        size_t part = BLAKE2B_BLOCKBYTES - hasher->position % BLAKE2B_BLOCKBYTES;
        if (part > count) part = count;
        if (blake2b_update(&hasher->leaves[leaf], data, part) != 0) return 0;
        hasher->position = (hasher->position + part) % (BLAKE2BP_LEAVES * BLAKE2B_BLOCKBYTES);
        data += part;
        count -= part;
    }
    return 1;
}

int annexd_blake2bp_final(blake2bp_hasher *hasher, uint8_t *out) {
    uint8_t value[BLAKE2B_OUTBYTES];
    for (int leaf = 0; leaf < BLAKE2BP_LEAVES; leaf++) {
        if (blake2b_final(&hasher->leaves[leaf], value, sizeof value) != 0) return 0;
        if (blake2b_update(&hasher->root, value, sizeof value) != 0) return 0;
    }
    return blake2b_final(&hasher->root, out, hasher->length) == 0;
}
