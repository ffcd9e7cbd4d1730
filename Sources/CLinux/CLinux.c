#define _GNU_SOURCE
#include "CLinux.h"
#include "Space.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct flock whole_file(short type) {
    struct flock lock = {0};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    return lock;
}

int annexd_ofd_lock(int fd, short type, int wait) {
    struct flock lock = whole_file(type);
    int result;
    do {
        result = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
    } while (result < 0 && errno == EINTR);
    return result;
}

int annexd_ofd_test(int fd, short type) {
    struct flock lock = whole_file(type);
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0) return -1;
    return lock.l_type != F_UNLCK;
}

int annexd_ofd_holder(int fd, short type) {
    struct flock lock = whole_file(type);
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0) return -1;
    if (lock.l_type == F_UNLCK) return 0;
    return lock.l_pid > 0 ? lock.l_pid : 0;
}

int annexd_start_writeback(int fd, int64_t offset, int64_t length) {
    return sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE);
}

static uint64_t saturating_product(uint64_t a, uint64_t b) {
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

void annexd_space_of(const struct statvfs *info, uint64_t *available, uint64_t *total) {
    *available = saturating_product(info->f_bavail, info->f_frsize);
    *total = saturating_product(info->f_blocks, info->f_frsize);
}

int annexd_free_space(const char *path, uint64_t *available, uint64_t *total) {
    struct statvfs info;
    if (statvfs(path, &info) < 0) return -1;
    annexd_space_of(&info, available, total);
    return 0;
}

int64_t annexd_boottime_seconds(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_BOOTTIME, &now) < 0) clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

int64_t annexd_copy_range(int from, int to, uint64_t length) {
    return copy_file_range(from, NULL, to, NULL, length, 0);
}

ssize_t annexd_pread_cached(int fd, void *buffer, size_t count, int64_t offset) {
    struct iovec part = {buffer, count};
    return preadv2(fd, &part, 1, offset, RWF_NOWAIT);
}

int annexd_allocate(int fd, int64_t length) {
    return fallocate(fd, 0, 0, length);
}
