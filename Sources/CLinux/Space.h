// Shared by the sources of this module only.
#pragma once
#include <stdint.h>
#include <sys/statvfs.h>

/// Bytes that are free for an unprivileged caller, and the total, each at most UINT64_MAX.
void annexd_space_of(const struct statvfs *info, uint64_t *available, uint64_t *total);
