/* Fails or records what a process does to the files of one folder. Loaded with LD_PRELOAD.
 *
 * SHIM_DIR    the folder
 * SHIM_OP     write | fsync | ftruncate | unlink | read: which call fails; with SHIM_N, the how manyeth,
 *             SHIM_ERRNO and SHIM_STICKY (1: all after it as well). SHIM_FIRED: a file made when one failed.
 *             SHIM_KILL: the process is killed there instead.
 * SHIM_LOG    a file that gets every change: "op path offset length\n" and the bytes written.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *dir, *op, *fired;
static long nth, seen;
static int error_number, sticky, log_fd = -1;

__attribute__((constructor)) static void start(void) {
    dir = getenv("SHIM_DIR");
    op = getenv("SHIM_OP");
    fired = getenv("SHIM_FIRED");
    nth = getenv("SHIM_N") ? atol(getenv("SHIM_N")) : 0;
    error_number = getenv("SHIM_ERRNO") ? atoi(getenv("SHIM_ERRNO")) : EIO;
    sticky = getenv("SHIM_STICKY") != NULL;
    if (getenv("SHIM_LOG"))
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, getenv("SHIM_LOG"), O_WRONLY | O_APPEND | O_CREAT, 0600);
}

/* Whether the path lies in the folder, or is it. */
static int ours(const char *path) {
    size_t length = dir ? strlen(dir) : 0;
    return dir && path && strncmp(path, dir, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, 4095);
    if (length < 0) return 0;
    path[length] = 0;
    return ours(path);
}

static int fails(const char *what) {
    if (!op || strcmp(op, what) != 0) return 0;
    seen++;
    if (seen < nth || (seen > nth && !sticky)) return 0;
    if (fired) {
        long fd = syscall(SYS_openat, AT_FDCWD, fired, O_WRONLY | O_CREAT, 0600);
        if (fd >= 0) syscall(SYS_close, fd);
    }
    if (getenv("SHIM_KILL")) kill(getpid(), SIGKILL);
    errno = error_number;
    return 1;
}

static void note(const char *what, const char *path, long offset, const void *bytes, size_t length) {
    if (log_fd < 0) return;
    char head[4200];
    int size = snprintf(head, sizeof head, "%s %s %ld %zu\n", what, path, offset, length);
    syscall(SYS_write, log_fd, head, (size_t)size);
    if (length) syscall(SYS_write, log_fd, bytes, length);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    char path[4096];
    if (fd == 1) note("ack", "-", 0, bytes, length);
    if (!path_of(fd, path)) return syscall(SYS_write, fd, bytes, length);
    if (fails("write")) return -1;
    long offset = syscall(SYS_lseek, fd, 0, SEEK_CUR);
    long done = syscall(SYS_write, fd, bytes, length);
    if (done > 0) note("write", path, offset, bytes, (size_t)done);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) {
    char path[4096];
    int is_ours = path_of(fd, path);
    if (is_ours && fails("write")) return -1;
    long done = syscall(SYS_pwrite64, fd, bytes, length, offset);
    if (is_ours && done > 0) note("write", path, offset, bytes, (size_t)done);
    return done;
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

ssize_t read(int fd, void *bytes, size_t length) {
    char path[4096];
    if (path_of(fd, path) && fails("read")) return -1;
    return syscall(SYS_read, fd, bytes, length);
}

ssize_t pread64(int fd, void *bytes, size_t length, off_t offset) {
    char path[4096];
    if (path_of(fd, path) && fails("read")) return -1;
    return syscall(SYS_pread64, fd, bytes, length, offset);
}
ssize_t pread(int fd, void *bytes, size_t length, off_t offset) { return pread64(fd, bytes, length, offset); }

static int synced(int fd, long number) {
    char path[4096];
    int is_ours = path_of(fd, path);
    if (is_ours && fails("fsync")) return -1;
    int done = (int)syscall(number, fd);
    if (is_ours && done == 0) note("sync", path, 0, NULL, 0);
    return done;
}
int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

int ftruncate64(int fd, off_t length) {
    char path[4096];
    int is_ours = path_of(fd, path);
    if (is_ours && fails("ftruncate")) return -1;
    int done = (int)syscall(SYS_ftruncate, fd, length);
    if (is_ours && done == 0) note("truncate", path, length, NULL, 0);
    return done;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int unlink(const char *path) {
    if (ours(path) && fails("unlink")) return -1;
    int done = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (ours(path) && done == 0) note("unlink", path, 0, NULL, 0);
    return done;
}

int open64(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = (flags & O_CREAT) ? va_arg(list, mode_t) : 0;
    va_end(list);
    struct stat found;
    int is_new = (flags & O_CREAT) && ours(path) && syscall(SYS_newfstatat, AT_FDCWD, path, &found, 0) != 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (is_new && fd >= 0) note("create", path, 0, NULL, 0);
    return fd;
}
int open(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = (flags & O_CREAT) ? va_arg(list, mode_t) : 0;
    va_end(list);
    return open64(path, flags, mode);
}
