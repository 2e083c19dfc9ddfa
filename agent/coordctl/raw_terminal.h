// A terminal that is used as a screen, and given back as it was.

#pragma once

#include <termios.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/unique_fd.h"

namespace coordhub::coordctl {

enum class Key { kUp, kDown, kPageUp, kPageDown, kHome, kEnd, kEnter, kEscape, kTab, kOther };

struct KeyPress {
  Key key = Key::kOther;
  char character = 0;  // with kOther; Ctrl-C is 3
};

// The keys in `bytes`, as xterm and its kin send them. An escape that nothing follows is the key.
// Pure.
std::vector<KeyPress> DecodeKeys(const std::string& bytes);

// What a blocking Wait ended with.
struct TerminalEvents {
  std::vector<KeyPress> keys;
  bool resized = false;
  bool quit = false;   // SIGINT, SIGTERM, SIGHUP, or the terminal is gone
  bool woken = false;  // by the descriptor that was given
};

// Between construction and destruction the terminal of this process (standard input and output)
// shows another screen, without a cursor and without wrapping long lines, and keys come as they are
// pressed. It is given back by the destructor, on a stop (SIGTSTP, Ctrl-Z) until the process goes
// on, and by a signal handler when the process dies of a fault. One at a time; one thread.
//
// Raw termios and half a dozen escape sequences that every terminal of today knows, rather than a
// library of screens: what is shown is whole lines, drawn from top to bottom.
class RawTerminal {
 public:
  // Blocks the signals that end or stop a program, for this thread and those that it starts later:
  // call it before any of them exists. Read them from Wait.
  static void TakeSignals();

  // Errors:
  //   FAILED_PRECONDITION  standard input or output is no terminal.
  static absl::StatusOr<RawTerminal> Open();
  RawTerminal(RawTerminal&& other) noexcept;
  ~RawTerminal();

  int columns() const;
  int rows() const;

  // Shows these lines, the first at the top; what was there before is gone. Too long ones are cut
  // by the terminal.
  void Show(const std::vector<std::string>& lines);

  // Blocks until a key, a signal, a byte in `wake_fd` (an eventfd, which it empties), or
  // `timeout_ms`.
  TerminalEvents Wait(int wake_fd, int timeout_ms);

 private:
  explicit RawTerminal(base::UniqueFd signals) : signals_(std::move(signals)) {}

  void Enter();
  void Leave();
  void Stop();
  void TakeSignal(TerminalEvents* events);

  base::UniqueFd signals_;
  bool entered_ = false;
};

}  // namespace coordhub::coordctl
