// What a test needs of the machine. It asks first, and is skipped by name where that is missing;
// tests/run counts a skipped test as one that did not run.

#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <sstream>
#include <string>
#include <system_error>

#include "agent/base/unique_fd.h"

// The first line of a test: COORDHUB_NEEDS(Pty()).
#define COORDHUB_NEEDS(what)                                                \
  if (const std::string missing = ::coordhub::test::what; !missing.empty()) \
  GTEST_SKIP() << "needs what this machine does not have: " << missing

namespace coordhub::test {

// Each says what is missing; empty: nothing.

// A pseudo terminal: in a container or a chroot without devpts there is none.
inline std::string Pty() {
  const base::UniqueFd master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (master.valid() && grantpt(master.get()) == 0 && unlockpt(master.get()) == 0) {
    const base::UniqueFd slave(open(ptsname(master.get()),  // NOLINT(concurrency-mt-unsafe)
                                    O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (slave.valid()) return "";
  }
  return "a pseudo terminal (" + std::generic_category().message(errno) + ")";
}

// What it tells about processes.
inline std::string Proc() {
  return access("/proc/self/stat", R_OK) == 0 ? "" : "/proc, as the system shows processes";
}

inline std::string Root() { return geteuid() == 0 ? "" : "the rights of root"; }

// A program in the PATH.
inline std::string Program(const std::string& name) {
  const char* path = getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  std::istringstream directories(path == nullptr ? "" : path);
  for (std::string directory; std::getline(directories, directory, ':');) {
    if (access((directory + "/" + name).c_str(), X_OK) == 0) return "";
  }
  return "the program " + name;
}

}  // namespace coordhub::test
