/// The few Linux calls that Swift's Glibc module does not expose as callable functions or constants.
#pragma once
#include <stdint.h>
#include <sys/types.h>

/// Takes, tests or releases an open-file-description lock on the whole file (fcntl(2), F_OFD_SETLK).
/// `type` is F_RDLCK, F_WRLCK or F_UNLCK. With `wait` the call blocks. Returns 0, or -1 with errno.
int annexd_ofd_lock(int fd, short type, int wait);

/// Whether another open file description or process holds a lock that conflicts with `type`.
/// Returns 1 or 0, or -1 with errno.
int annexd_ofd_test(int fd, short type);

/// Starts write-back of a range without waiting for it (sync_file_range(2), SYNC_FILE_RANGE_WRITE).
int annexd_start_writeback(int fd, int64_t offset, int64_t length);

/// Free bytes that an unprivileged caller may use, and the total, at `path` (statvfs(3), f_bavail × f_frsize); each at
/// most UINT64_MAX, whatever the file system claims.
int annexd_free_space(const char *path, uint64_t *available, uint64_t *total);

/// Seconds of CLOCK_BOOTTIME, falling back to CLOCK_MONOTONIC.
int64_t annexd_boottime_seconds(void);

/// copy_file_range(2) between the current positions of two descriptors. Returns the bytes copied, 0 at the end.
int64_t annexd_copy_range(int from, int to, uint64_t length);

/// The process whose classic record lock conflicts with `type`; 0 when nothing conflicts, or only an open-file-description
/// lock, which belongs to no process. -1 with errno.
int annexd_ofd_holder(int fd, short type);

/// Reads what is in the page cache without waiting for the disk (preadv2(2), RWF_NOWAIT). Returns the bytes read, which
/// may be fewer than wanted, or -1 with errno.
ssize_t annexd_pread_cached(int fd, void *buffer, size_t count, int64_t offset);

/// Allocates blocks for the first `length` bytes of a file and makes it at least so long (fallocate(2)).
int annexd_allocate(int fd, int64_t length);

// Below a folder, without following any symbolic link
//
// Each takes a folder, which may itself be reached through links, and a path that begins with that folder. No component
// behind the folder is followed if it is a link: the answer is then -1 with ELOOP. `..` that leads out of the folder is
// EXDEV. Kernels and sandboxes without openat2(2) get the same by one openat(2) for each component.

/// Opens a file. The descriptor is close-on-exec. `status` is a `struct stat` for what was opened, or NULL.
int annexd_beneath_open(const char *folder, const char *path, int flags, mode_t mode, void *status);

/// What is there, as a `struct stat`; of a link as the last component, the link itself.
int annexd_beneath_stat(const char *folder, const char *path, void *status);

/// unlinkat(2); `flags` is 0, or AT_REMOVEDIR for an empty directory.
int annexd_beneath_unlink(const char *folder, const char *path, int flags);

int annexd_beneath_mkdir(const char *folder, const char *path, mode_t mode);

/// Changes the permission bits of what is neither a link nor reached through one.
int annexd_beneath_chmod(const char *folder, const char *path, mode_t mode);

/// Renames between two folders. With `noreplace` EEXIST where something is at `to`: renameat2(2) with RENAME_NOREPLACE, or
/// link+unlink where the file system lacks that and `from` is a file.
int annexd_beneath_rename(
    const char *from_folder, const char *from, const char *to_folder, const char *to, int noreplace);

/// Reads the target of a link, without a NUL at its end; the bytes read, or -1.
ssize_t annexd_beneath_readlink(const char *folder, const char *path, char *buffer, size_t size);

int annexd_beneath_symlink(const char *target, const char *folder, const char *path);

/// As annexd_free_space.
int annexd_beneath_free_space(const char *folder, const char *path, uint64_t *available, uint64_t *total);

/// For tests: from now on openat2(2) fails with this errno in this process, as on an old kernel (ENOSYS) or in a sandbox
/// (EPERM); 0 asks the kernel again.
void annexd_beneath_simulate(int code);
