#include "hub/git/inotify.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace coordhub::git {

Inotify::Inotify() : fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

int Inotify::Add(const std::string& directory, uint32_t mask) const {
  const int watch =
      inotify_add_watch(fd_.get(), directory.c_str(), mask | IN_ONLYDIR | IN_DONT_FOLLOW);
  return watch >= 0 ? watch : -errno;
}

void Inotify::Remove(int watch) const { inotify_rm_watch(fd_.get(), watch); }

void Inotify::Read(const std::function<void(const Event&)>& take) const {
  alignas(inotify_event) std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t size = read(fd_.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    for (size_t at = 0; at < static_cast<size_t>(size);) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      const char* name = buffer.data() + at + sizeof(event);
      take({event.wd, event.mask, std::string_view(name, strnlen(name, event.len))});
      at += sizeof(event) + event.len;
    }
  }
}

}  // namespace coordhub::git
