/// Streaming digests for every git-annex backend, behind one interface.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// MD5 of a short buffer (16 bytes out); used for hash directories.
void annexd_md5(const void *data, size_t length, uint8_t out[16]);
