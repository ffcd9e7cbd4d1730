/// Streaming digests for every git-annex backend, behind one interface (spec 01 §1.4).
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Which code computes a digest.
enum annexd_engine {
    /// libcrypto; `name` is OpenSSL's name of the algorithm.
    ANNEXD_OPENSSL,
    /// libbotan-2; `name` is Botan's name of the algorithm.
    ANNEXD_BOTAN,
    /// libb2: BLAKE2s of `length` bytes.
    ANNEXD_BLAKE2S,
    /// Eight BLAKE2s leaves, `length` bytes out.
    ANNEXD_BLAKE2SP,
    /// Four BLAKE2b leaves, `length` bytes out.
    ANNEXD_BLAKE2BP,
    /// BLAKE3, unkeyed, 32 bytes out.
    ANNEXD_BLAKE3,
    /// Skein-256-256, 32 bytes out.
    ANNEXD_SKEIN256,
    /// libxxhash: XXH3 of 64 bits, seed 0, big-endian.
    ANNEXD_XXH3,
};

/// The longest digest, in bytes.
#define ANNEXD_DIGEST_MAXIMUM 64

/// A digest in progress; one thread at a time.
typedef struct annexd_digest annexd_digest;

/// Starts a digest. NULL where memory or the library refuses it, for example MD5 under a FIPS policy.
annexd_digest *annexd_digest_create(enum annexd_engine engine, const char *name, size_t length);

/// Takes the next bytes; `data` may be NULL where `count` is 0.
void annexd_digest_update(annexd_digest *digest, const void *data, size_t count);

/// Writes the digest and says how long it is; 0 where any step failed, or when called a second time.
size_t annexd_digest_finish(annexd_digest *digest, uint8_t out[ANNEXD_DIGEST_MAXIMUM]);

void annexd_digest_destroy(annexd_digest *digest);

/// MD5 of a short buffer, without any allocation or library policy; used for hash directories.
void annexd_md5(const void *data, size_t count, uint8_t out[16]);
