// A program at a terminal of its own.

#pragma once

#include <pty.h>
#include <unistd.h>
#include <utmp.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>

#include "agent/base/unique_fd.h"
#include "tests/support/child.h"

namespace coordhub::test {

// The test's end of it. A test that has one says COORDHUB_NEEDS(Pty()) first.
class Terminal {
 public:
  // `body` runs in a child whose controlling terminal it is.
  explicit Terminal(const std::function<int()>& body) : child_(Start(body)) {}

  // Types, and returns what is shown up to `end`.
  std::string Type(const std::string& keys, const std::string& end) const {
    if (write(master_.get(), keys.data(), keys.size()) != static_cast<ssize_t>(keys.size())) {
      return "cannot type";
    }
    std::string shown;
    char buffer[256];
    while (shown.find(end) == std::string::npos) {
      const ssize_t got = read(master_.get(), buffer, sizeof(buffer));
      if (got <= 0) break;
      shown.append(buffer, static_cast<size_t>(got));
    }
    return shown;
  }

 private:
  Child Start(const std::function<int()>& body) {
    int master = -1;
    int slave = -1;
    if (openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) {
      throw std::system_error(errno, std::generic_category(), "openpty");
    }
    master_.Reset(master);
    const base::UniqueFd ours(slave);
    return Child::Running([&] {
      master_.Reset();
      return login_tty(slave) == 0 ? body() : 1;
    });
  }

  base::UniqueFd master_;
  Child child_;
};

}  // namespace coordhub::test
