// A wall clock that jumps on command: preloaded into a program, it moves CLOCK_REALTIME, and nothing else, by the seconds
// that stand, as eight bytes, in the file that COORDHUB_WALL_CLOCK names. Whoever changes the file moves the clock at
// once. The kernel keeps its own: a wait until a point of the wall clock ends earlier or later than it should, as one
// does that begins before a clock jumps.
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t* offset_seconds;

__attribute__((constructor)) static void MapOffset(void) {
  const char* path = getenv("COORDHUB_WALL_CLOCK");
  const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void* map = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (map != MAP_FAILED) offset_seconds = map;
}

static int64_t Offset(void) { return offset_seconds == NULL ? 0 : *offset_seconds; }

// By the system call itself: what looks up the C library's would allocate, and allocators ask for the time.
int clock_gettime(clockid_t clock, struct timespec* now) {
  const int result = (int)syscall(SYS_clock_gettime, clock, now);
  const int wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (result == 0 && wall) now->tv_sec += Offset();
  return result;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  const int result = (int)syscall(SYS_gettimeofday, now, zone);
  if (result == 0) now->tv_sec += Offset();
  return result;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
