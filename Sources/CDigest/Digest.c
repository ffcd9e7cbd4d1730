// One interface over every engine.

#include "CDigest.h"
#include "Internal.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <xxhash.h>

// The few calls of <botan/ffi.h> that are needed. Its folder has a version in its name and is not on the search path.
struct botan_hash_struct;
int botan_hash_init(struct botan_hash_struct **hash, const char *name, uint32_t flags);
int botan_hash_output_length(struct botan_hash_struct *hash, size_t *length);
int botan_hash_update(struct botan_hash_struct *hash, const uint8_t *data, size_t count);
int botan_hash_final(struct botan_hash_struct *hash, uint8_t *out);
int botan_hash_destroy(struct botan_hash_struct *hash);

struct annexd_digest {
    enum annexd_engine engine;
    size_t length;
    int ok;
    union {
        EVP_MD_CTX *openssl;
        struct botan_hash_struct *botan;
        XXH3_state_t *xxh3;
        blake2s_state blake2s;
        blake2sp_hasher blake2sp;
        blake2bp_hasher blake2bp;
        blake3_hasher blake3;
        skein256_hasher skein256;
    } state;
};

static int start_openssl(annexd_digest *digest, const char *name) {
    EVP_MD *algorithm = EVP_MD_fetch(NULL, name, NULL);
    if (algorithm == NULL) return 0;
    digest->state.openssl = EVP_MD_CTX_new();
    int ok = digest->state.openssl != NULL && EVP_MD_get_size(algorithm) == (int)digest->length
        && EVP_DigestInit_ex2(digest->state.openssl, algorithm, NULL) == 1;
    EVP_MD_free(algorithm);
    return ok;
}

static int start_botan(annexd_digest *digest, const char *name) {
    size_t length = 0;
    return botan_hash_init(&digest->state.botan, name, 0) == 0
        && botan_hash_output_length(digest->state.botan, &length) == 0 && length == digest->length;
}

static int start(annexd_digest *digest, const char *name) {
    switch (digest->engine) {
    case ANNEXD_OPENSSL: return start_openssl(digest, name);
    case ANNEXD_BOTAN: return start_botan(digest, name);
    case ANNEXD_BLAKE2S: return blake2s_init(&digest->state.blake2s, digest->length) == 0;
    case ANNEXD_BLAKE2SP: return annexd_blake2sp_init(&digest->state.blake2sp, digest->length);
    case ANNEXD_BLAKE2BP: return annexd_blake2bp_init(&digest->state.blake2bp, digest->length);
    case ANNEXD_BLAKE3: annexd_blake3_init(&digest->state.blake3); return digest->length == 32;
    case ANNEXD_SKEIN256: annexd_skein256_init(&digest->state.skein256); return digest->length == 32;
    case ANNEXD_XXH3:
        digest->state.xxh3 = XXH3_createState();
        return digest->state.xxh3 != NULL && XXH3_64bits_reset(digest->state.xxh3) == XXH_OK && digest->length == 8;
    }
    return 0;
}

annexd_digest *annexd_digest_create(enum annexd_engine engine, const char *name, size_t length) {
    annexd_digest *digest = calloc(1, sizeof *digest);
    if (digest == NULL) return NULL;
    digest->engine = engine;
    digest->length = length;
    digest->ok = length <= ANNEXD_DIGEST_MAXIMUM && start(digest, name);
    if (digest->ok) return digest;
    annexd_digest_destroy(digest);
    return NULL;
}

static int update(annexd_digest *digest, const uint8_t *data, size_t count) {
    switch (digest->engine) {
    case ANNEXD_OPENSSL: return EVP_DigestUpdate(digest->state.openssl, data, count) == 1;
    case ANNEXD_BOTAN: return botan_hash_update(digest->state.botan, data, count) == 0;
    case ANNEXD_BLAKE2S: return blake2s_update(&digest->state.blake2s, data, count) == 0;
    case ANNEXD_BLAKE2SP: return annexd_blake2sp_update(&digest->state.blake2sp, data, count);
    case ANNEXD_BLAKE2BP: return annexd_blake2bp_update(&digest->state.blake2bp, data, count);
    case ANNEXD_BLAKE3: annexd_blake3_update(&digest->state.blake3, data, count); return 1;
    case ANNEXD_SKEIN256: annexd_skein256_update(&digest->state.skein256, data, count); return 1;
    case ANNEXD_XXH3: return XXH3_64bits_update(digest->state.xxh3, data, count) == XXH_OK;
    }
    return 0;
}

void annexd_digest_update(annexd_digest *digest, const void *data, size_t count) {
    if (digest->ok && count > 0) digest->ok = update(digest, data, count);
}

static int finish(annexd_digest *digest, uint8_t *out) {
    switch (digest->engine) {
    case ANNEXD_OPENSSL: return EVP_DigestFinal_ex(digest->state.openssl, out, NULL) == 1;
    case ANNEXD_BOTAN: return botan_hash_final(digest->state.botan, out) == 0;
    case ANNEXD_BLAKE2S: return blake2s_final(&digest->state.blake2s, out, digest->length) == 0;
    case ANNEXD_BLAKE2SP: return annexd_blake2sp_final(&digest->state.blake2sp, out);
    case ANNEXD_BLAKE2BP: return annexd_blake2bp_final(&digest->state.blake2bp, out);
    case ANNEXD_BLAKE3: annexd_blake3_final(&digest->state.blake3, out); return 1;
    case ANNEXD_SKEIN256: annexd_skein256_final(&digest->state.skein256, out); return 1;
    case ANNEXD_XXH3: {
        XXH64_hash_t value = XXH3_64bits_digest(digest->state.xxh3);
        for (int i = 0; i < 8; i++) out[i] = (uint8_t)(value >> (56 - 8 * i));
        return 1;
    }
    }
    return 0;
}

size_t annexd_digest_finish(annexd_digest *digest, uint8_t out[ANNEXD_DIGEST_MAXIMUM]) {
    int ok = digest->ok && finish(digest, out);
    digest->ok = 0;
    return ok ? digest->length : 0;
}

void annexd_digest_destroy(annexd_digest *digest) {
    if (digest == NULL) return;
    switch (digest->engine) {
    case ANNEXD_OPENSSL: EVP_MD_CTX_free(digest->state.openssl); break;
    case ANNEXD_BOTAN: if (digest->state.botan != NULL) botan_hash_destroy(digest->state.botan); break;
    case ANNEXD_XXH3: if (digest->state.xxh3 != NULL) XXH3_freeState(digest->state.xxh3); break;
    default: break;
    }
    free(digest);
}
