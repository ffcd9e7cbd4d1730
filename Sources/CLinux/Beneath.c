#define _GNU_SOURCE
#include "CLinux.h"
#include "Space.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// As in linux/openat2.h, which old headers lack; number and layout are the same on every architecture.
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
struct how {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};
static const uint64_t no_symlinks = 0x04, beneath = 0x08;

static _Atomic int simulated = 0;
/// Set once openat2 turned out not to be there.
static _Atomic int must_walk = 0;

void annexd_beneath_simulate(int code) {
    atomic_store(&simulated, code);
    atomic_store(&must_walk, 0);
}

static int close_keeping_errno(int fd, int result) {
    int code = errno;
    close(fd);
    errno = code;
    return result;
}

static int is_link(int base, const char *name) {
    struct stat status;
    return fstatat(base, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
}

/// One component of a path. The kernel tells ENOTDIR of a link where a directory is wanted.
static int step(int base, const char *name, int flags, mode_t mode) {
    int fd = openat(base, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0 && errno == ENOTDIR) errno = is_link(base, name) ? ELOOP : ENOTDIR;
    return fd;
}

/// Opens without openat2: each component by itself.
static int walk(int base, const char *relative, int flags, mode_t mode) {
    int current = base;
    for (;;) {
        char name[NAME_MAX + 1];
        size_t length = strcspn(relative, "/");
        int fd;
        if (length > NAME_MAX) {
            errno = ENAMETOOLONG;
            fd = -1;
        } else if (length == 2 && relative[0] == '.' && relative[1] == '.') {
            errno = EXDEV;
            fd = -1;
        } else {
            memcpy(name, relative, length);
            name[length] = 0;
            relative += length;
            while (*relative == '/') relative++;
            if (*relative == 0) {
                fd = step(current, name, flags, mode);
                return current == base ? fd : close_keeping_errno(current, fd);
            }
            fd = step(current, name, O_PATH | O_DIRECTORY, 0);
        }
        if (current != base) close_keeping_errno(current, 0);
        if (fd < 0) return -1;
        current = fd;
    }
}

static int open_below(int base, const char *relative, int flags, mode_t mode) {
    if (*relative == 0) relative = ".";
    if (!atomic_load_explicit(&must_walk, memory_order_relaxed)) {
        struct how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = no_symlinks | beneath};
        if (flags & O_CREAT) how.mode = mode & 07777;
        int code = atomic_load_explicit(&simulated, memory_order_relaxed);
        if (code == 0) {
            long fd = syscall(SYS_openat2, base, relative, &how, sizeof how);
            if (fd >= 0) return (int)fd;
            code = errno;
        }
        if (code != ENOSYS && code != EPERM) {
            errno = code;
            return -1;
        }
        // A file may be immutable, which is EPERM as well; a sandbox refuses what openat then grants.
        int fd = walk(base, relative, flags, mode);
        if (code == ENOSYS || fd >= 0) atomic_store(&must_walk, 1);
        return fd;
    }
    return walk(base, relative, flags, mode);
}

static int open_folder(const char *folder) { return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC); }

static const char *below(const char *folder, const char *path) {
    path += strlen(folder);
    while (*path == '/') path++;
    return path;
}

static int leaves(const char *relative) {
    for (; *relative; relative += strcspn(relative, "/"), relative += strspn(relative, "/"))
        if (strncmp(relative, "..", 2) == 0 && (relative[2] == '/' || relative[2] == 0)) return 1;
    return 0;
}

static int open_confined(const char *folder, const char *path, int flags, mode_t mode) {
    const char *relative = below(folder, path);
    // Mostly the folder is reached without links as well; then one call does.
    if (!atomic_load_explicit(&must_walk, memory_order_relaxed)
        && !atomic_load_explicit(&simulated, memory_order_relaxed) && !leaves(relative)) {
        struct how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = no_symlinks};
        if (flags & O_CREAT) how.mode = mode & 07777;
        long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
        if (fd >= 0) return (int)fd;
        if (errno != ELOOP && errno != ENOSYS && errno != EPERM) return -1;
    }
    int base = open_folder(folder);
    if (base < 0) return -1;
    return close_keeping_errno(base, open_below(base, relative, flags, mode));
}

/// Opens the directory that holds `path`, and tells the last component.
static int open_parent(const char *folder, const char *path, const char **name) {
    const char *relative = below(folder, path);
    const char *slash = strrchr(relative, '/');
    *name = slash ? slash + 1 : relative;
    if (**name == 0 || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0) {
        errno = EINVAL;
        return -1;
    }
    if (!slash) return open_folder(folder);
    char parent[PATH_MAX];
    size_t length = (size_t)(slash - path);
    if (length >= sizeof parent) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(parent, path, length);
    parent[length] = 0;
    return open_confined(folder, parent, O_PATH | O_DIRECTORY, 0);
}

int annexd_beneath_open(const char *folder, const char *path, int flags, mode_t mode, void *status) {
    int fd = open_confined(folder, path, flags, mode);
    if (fd >= 0 && status && fstat(fd, status) < 0) return close_keeping_errno(fd, -1);
    return fd;
}

int annexd_beneath_stat(const char *folder, const char *path, void *status) {
    const char *relative = below(folder, path);
    // Right below the folder there is nothing in between that could be a link.
    if (*relative && !strchr(relative, '/') && !leaves(relative)) return lstat(path, status);
    // Three calls where statx would be one: it has no way to refuse links before the last component.
    int fd = annexd_beneath_open(folder, path, O_PATH | O_NOFOLLOW, 0, status);
    return fd < 0 ? -1 : close_keeping_errno(fd, 0);
}

int annexd_beneath_unlink(const char *folder, const char *path, int flags) {
    const char *name;
    int parent = open_parent(folder, path, &name);
    return parent < 0 ? -1 : close_keeping_errno(parent, unlinkat(parent, name, flags));
}

int annexd_beneath_mkdir(const char *folder, const char *path, mode_t mode) {
    const char *name;
    int parent = open_parent(folder, path, &name);
    return parent < 0 ? -1 : close_keeping_errno(parent, mkdirat(parent, name, mode));
}

int annexd_beneath_chmod(const char *folder, const char *path, mode_t mode) {
    struct stat status;
    int fd = annexd_beneath_open(folder, path, O_PATH | O_NOFOLLOW, 0, &status);
    if (fd < 0) return -1;
    if (S_ISLNK(status.st_mode)) {
        errno = ELOOP;
        return close_keeping_errno(fd, -1);
    }
    // fchmod refuses such descriptors, and opening for reading may be what the mode forbids.
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int result = close_keeping_errno(fd, chmod(link, mode));
    if (result == 0 || errno != ENOENT) return result;
    // There is no /proc here.
    fd = annexd_beneath_open(folder, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, NULL);
    return fd < 0 ? -1 : close_keeping_errno(fd, fchmod(fd, mode));
}

static int rename_noreplace(int from_parent, const char *from, int to_parent, const char *to) {
    if (renameat2(from_parent, from, to_parent, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return -1;
    if (linkat(from_parent, from, to_parent, to, 0) < 0) return -1;
    return unlinkat(from_parent, from, 0);
}

int annexd_beneath_rename(
    const char *from_folder, const char *from, const char *to_folder, const char *to, int noreplace) {
    const char *from_name, *to_name;
    int from_parent = open_parent(from_folder, from, &from_name);
    if (from_parent < 0) return -1;
    int to_parent = open_parent(to_folder, to, &to_name);
    if (to_parent < 0) return close_keeping_errno(from_parent, -1);
    int result = noreplace ? rename_noreplace(from_parent, from_name, to_parent, to_name)
                           : renameat(from_parent, from_name, to_parent, to_name);
    return close_keeping_errno(to_parent, close_keeping_errno(from_parent, result));
}

ssize_t annexd_beneath_readlink(const char *folder, const char *path, char *buffer, size_t size) {
    const char *name;
    int parent = open_parent(folder, path, &name);
    if (parent < 0) return -1;
    ssize_t length = readlinkat(parent, name, buffer, size);
    close_keeping_errno(parent, 0);
    return length;
}

int annexd_beneath_symlink(const char *target, const char *folder, const char *path) {
    const char *name;
    int parent = open_parent(folder, path, &name);
    return parent < 0 ? -1 : close_keeping_errno(parent, symlinkat(target, parent, name));
}

int annexd_beneath_free_space(const char *folder, const char *path, uint64_t *available, uint64_t *total) {
    struct statvfs info;
    int fd = annexd_beneath_open(folder, path, O_PATH | O_DIRECTORY, 0, NULL);
    if (fd < 0) return -1;
    if (close_keeping_errno(fd, fstatvfs(fd, &info)) < 0) return -1;
    annexd_space_of(&info, available, total);
    return 0;
}
