/// The streaming decompressor of zlib, without its structs and macros.
#pragma once
#include <stddef.h>

/// A decompressor of one gzip member after the other.
typedef struct annexd_inflater annexd_inflater;

/// Returns NULL when memory is short.
annexd_inflater *annexd_inflater_create(void);
void annexd_inflater_destroy(annexd_inflater *inflater);

/// Decompresses from `input` to `output`, adding to `consumed` and `produced` what was read and written.
/// Returns 1 at the end of a member, 0 when there is more to come, -1 for bytes that are no gzip, -2 for no memory.
int annexd_inflater_run(annexd_inflater *inflater, const void *input, size_t input_count, void *output,
                        size_t output_count, size_t *consumed, size_t *produced);

/// Prepares for the next member.
int annexd_inflater_reset(annexd_inflater *inflater);

/// Compresses into one gzip member, for tests. Returns the length, or 0 when `output` is too small.
size_t annexd_gzip(const void *input, size_t input_count, void *output, size_t output_count);
