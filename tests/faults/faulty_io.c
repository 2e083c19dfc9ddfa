/* A disk that fails on command, for whole processes.
 *
 *   COORDHUB_FAULTS=/tmp/faults LD_PRELOAD=libcoordhub_faulty_io.so coordhub serve ...
 *
 * While the file that COORDHUB_FAULTS names exists, its lines decide about calls on files whose path begins with the
 * prefix; without the file, without a line that matches, and for everything but files, calls go through.
 *
 *   prefix /path      which files; must come first
 *   enospc            no write, growth or new file succeeds: ENOSPC
 *   enospc-growth     the same for what lies beyond a file's end: as on a full disk, blocks that are there can be
 *                     written over, and a write across the end is cut short
 *   enospc-after N    N more bytes are written, then as enospc
 *   write-eio         writes fail with EIO
 *   fsync-eio         fsync, fdatasync and sync_file_range fail with EIO
 *   fsync-eio-after N N more of them succeed
 *
 * Counts begin anew when the file's content changes. Replace the file by rename: a call sees the old content or the
 * new. Thread-safe. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum space { SPACE_FREE, SPACE_NONE, SPACE_NO_GROWTH, SPACE_COUNTED };

struct plan {
  char text[1024];
  char prefix[PATH_MAX];
  enum space space;
  int write_eio;
  int fsync_eio;
  long bytes_left;
  long syncs_left;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by mutex: the newest content seen, and its counts. */
static struct plan plan;

#define REAL(name) \
  static __typeof__(&name) real_##name; \
  if (real_##name == NULL) real_##name = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static void parse(const char* text) {
  memset(&plan, 0, sizeof(plan));
  snprintf(plan.text, sizeof(plan.text), "%s", text);
  char copy[sizeof(plan.text)];
  snprintf(copy, sizeof(copy), "%s", text);
  char* rest = NULL;
  for (char* line = strtok_r(copy, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
    if (strncmp(line, "prefix ", 7) == 0) {
      snprintf(plan.prefix, sizeof(plan.prefix), "%s", line + 7);
    } else if (strcmp(line, "enospc") == 0) {
      plan.space = SPACE_NONE;
    } else if (strcmp(line, "enospc-growth") == 0) {
      plan.space = SPACE_NO_GROWTH;
    } else if (sscanf(line, "enospc-after %ld", &plan.bytes_left) == 1) {
      plan.space = SPACE_COUNTED;
    } else if (strcmp(line, "write-eio") == 0) {
      plan.write_eio = 1;
    } else if (strcmp(line, "fsync-eio") == 0) {
      plan.fsync_eio = 1;
    } else if (sscanf(line, "fsync-eio-after %ld", &plan.syncs_left) == 1) {
      plan.fsync_eio = 1;
    } else {
      fprintf(stderr, "faulty_io: unknown line: %s\n", line);
      abort();
    }
  }
}

/* Reads the control file into `plan`, by plain system calls so as not to meet ourselves. With the mutex held. Returns
 * whether there is one. */
static int refresh(void) {
  static const char* path;
  if (path == NULL) path = getenv("COORDHUB_FAULTS");
  if (path == NULL) return 0;
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    plan.text[0] = '\0';
    return 0;
  }
  char text[sizeof(plan.text)];
  const long got = syscall(SYS_read, fd, text, sizeof(text) - 1);
  syscall(SYS_close, fd);
  text[got > 0 ? got : 0] = '\0';
  if (strcmp(text, plan.text) != 0) parse(text);
  return plan.prefix[0] != '\0';
}

static int path_matches(const char* path) {
  return strncmp(path, plan.prefix, strlen(plan.prefix)) == 0;
}

static int fd_matches(int fd) {
  char link[64];
  char path[PATH_MAX];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof(path) - 1);
  if (size <= 0) return 0;
  path[size] = '\0';
  return path_matches(path);
}

static off_t end_of(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 ? info.st_size : 0;
}

/* How much of a write of `size` bytes at `offset` may happen: all, less, or -1 with errno set. */
static ssize_t admit_write(int fd, size_t size, off_t offset) {
  const int saved = errno;
  ssize_t admitted = (ssize_t)size;
  int error = 0;
  pthread_mutex_lock(&mutex);
  if (refresh() && fd_matches(fd)) {
    long room = (long)size;
    if (plan.space == SPACE_NONE) room = 0;
    if (plan.space == SPACE_COUNTED) room = plan.bytes_left;
    if (plan.space == SPACE_NO_GROWTH) room = (long)(end_of(fd) - offset);
    if (room < (long)size) admitted = room > 0 ? room : -1;
    if (plan.space == SPACE_COUNTED && admitted > 0) plan.bytes_left -= admitted;
    error = ENOSPC;
    if (plan.write_eio) {
      admitted = -1;
      error = EIO;
    }
  }
  pthread_mutex_unlock(&mutex);
  errno = admitted < 0 ? error : saved;
  return admitted;
}

static off_t position_of(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_APPEND) != 0) return end_of(fd);
  const off_t at = lseek(fd, 0, SEEK_CUR);
  return at < 0 ? 0 : at;
}

/* Whether a file may grow to `size` bytes; errno is set when not. */
static int admit_growth(int fd, off_t size) {
  int refused = 0;
  pthread_mutex_lock(&mutex);
  if (refresh() && plan.space != SPACE_FREE && fd_matches(fd) && size > end_of(fd)) {
    refused = plan.space != SPACE_COUNTED || plan.bytes_left < size - end_of(fd);
  }
  pthread_mutex_unlock(&mutex);
  if (refused) errno = ENOSPC;
  return !refused;
}

/* Whether a file may be made at `path`. */
static int admit_creation(int directory, const char* path) {
  int refused = 0;
  pthread_mutex_lock(&mutex);
  if (refresh() && plan.space != SPACE_FREE) {
    char whole[PATH_MAX] = "";
    if (path[0] != '/' && directory != AT_FDCWD) {
      char link[64];
      snprintf(link, sizeof(link), "/proc/self/fd/%d", directory);
      const ssize_t size = readlink(link, whole, sizeof(whole) - 1);
      if (size > 0) whole[size] = '\0';
      strncat(whole, "/", sizeof(whole) - strlen(whole) - 1);
    }
    strncat(whole, path, sizeof(whole) - strlen(whole) - 1);
    struct stat info;
    const int exists = fstatat(directory, path, &info, AT_SYMLINK_NOFOLLOW) == 0;
    const int full = plan.space != SPACE_COUNTED || plan.bytes_left <= 0;
    refused = full && !exists && path_matches(whole);
  }
  pthread_mutex_unlock(&mutex);
  if (refused) errno = ENOSPC;
  return !refused;
}

static int admit_sync(int fd) {
  int refused = 0;
  pthread_mutex_lock(&mutex);
  if (refresh() && plan.fsync_eio && fd_matches(fd)) {
    refused = plan.syncs_left <= 0;
    if (!refused) --plan.syncs_left;
  }
  pthread_mutex_unlock(&mutex);
  if (refused) errno = EIO;
  return !refused;
}

ssize_t write(int fd, const void* bytes, size_t size) {
  REAL(write);
  const ssize_t admitted = admit_write(fd, size, position_of(fd));
  return admitted < 0 ? -1 : real_write(fd, bytes, (size_t)admitted);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  REAL(pwrite);
  const ssize_t admitted = admit_write(fd, size, offset);
  return admitted < 0 ? -1 : real_pwrite(fd, bytes, (size_t)admitted, offset);
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  return pwrite(fd, bytes, size, offset);
}

ssize_t writev(int fd, const struct iovec* pieces, int count) {
  REAL(writev);
  size_t size = 0;
  for (int i = 0; i < count; ++i) size += pieces[i].iov_len;
  const ssize_t admitted = admit_write(fd, size, position_of(fd));
  if (admitted < 0) return -1;
  if ((size_t)admitted == size) return real_writev(fd, pieces, count);
  /* A part only: of the first piece, which is what a caller must be able to take. */
  const size_t first = pieces[0].iov_len;
  return syscall(SYS_write, fd, pieces[0].iov_base,
                 first < (size_t)admitted ? first : (size_t)admitted);
}

int ftruncate(int fd, off_t size) {
  REAL(ftruncate);
  return admit_growth(fd, size) ? real_ftruncate(fd, size) : -1;
}

int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

int fallocate(int fd, int mode, off_t offset, off_t size) {
  REAL(fallocate);
  return admit_growth(fd, offset + size) ? real_fallocate(fd, mode, offset, size) : -1;
}

int fallocate64(int fd, int mode, off64_t offset, off64_t size) {
  return fallocate(fd, mode, offset, size);
}

int posix_fallocate(int fd, off_t offset, off_t size) {
  REAL(posix_fallocate);
  return admit_growth(fd, offset + size) ? real_posix_fallocate(fd, offset, size) : ENOSPC;
}

int posix_fallocate64(int fd, off64_t offset, off64_t size) {
  return posix_fallocate(fd, offset, size);
}

int fsync(int fd) {
  REAL(fsync);
  return admit_sync(fd) ? real_fsync(fd) : -1;
}

int fdatasync(int fd) {
  REAL(fdatasync);
  return admit_sync(fd) ? real_fdatasync(fd) : -1;
}

int sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags) {
  REAL(sync_file_range);
  return admit_sync(fd) ? real_sync_file_range(fd, offset, size, flags) : -1;
}

int openat(int directory, const char* path, int flags, ...) {
  REAL(openat);
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  if ((flags & O_CREAT) != 0 && !admit_creation(directory, path)) return -1;
  return real_openat(directory, path, flags, mode);
}

int openat64(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return openat(directory, path, flags, mode);
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return openat(AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return openat(AT_FDCWD, path, flags, mode);
}

int mkdir(const char* path, mode_t mode) {
  REAL(mkdir);
  return admit_creation(AT_FDCWD, path) ? real_mkdir(path, mode) : -1;
}
