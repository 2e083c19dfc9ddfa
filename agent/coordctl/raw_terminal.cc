#include "agent/coordctl/raw_terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string_view>
#include <utility>

namespace coordhub::coordctl {
namespace {

// Another screen, no cursor, no wrapping; and back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l";
constexpr std::string_view kLeave = "\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr std::array<int, 6> kTaken = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};
constexpr std::array<int, 5> kFaults = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

// How the terminal was; for the handler of faults, too.
termios saved_mode;

void WriteAll(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

// Only what a signal handler may do. Raised again, the fault ends the process once this returns.
void OnFault(int signal) {
  WriteAll(kLeave);
  (void)tcsetattr(STDIN_FILENO, TCSANOW, &saved_mode);
  (void)raise(signal);
}

void SetFaultHandlers(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESETHAND;
  for (const int signal : kFaults) sigaction(signal, &action, nullptr);
}

sigset_t TakenSet() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kTaken) sigaddset(&set, signal);
  return set;
}

struct Sequence {
  std::string_view bytes;
  Key key;
};
constexpr Sequence kSequences[] = {
    {"\x1b[A", Key::kUp},   {"\x1bOA", Key::kUp},      {"\x1b[B", Key::kDown},
    {"\x1bOB", Key::kDown}, {"\x1b[5~", Key::kPageUp}, {"\x1b[6~", Key::kPageDown},
    {"\x1b[H", Key::kHome}, {"\x1bOH", Key::kHome},    {"\x1b[1~", Key::kHome},
    {"\x1b[F", Key::kEnd},  {"\x1bOF", Key::kEnd},     {"\x1b[4~", Key::kEnd},
    {"\r", Key::kEnter},    {"\n", Key::kEnter},       {"\t", Key::kTab},
};

// Bytes of an escape sequence that nobody here knows, so that its letters are not taken for keys.
size_t UnknownSequence(std::string_view bytes) {
  if (bytes.size() < 2 || (bytes[1] != '[' && bytes[1] != 'O')) return 0;
  size_t end = 2;
  while (end < bytes.size() && bytes[end] < '@') ++end;
  return std::min(end + 1, bytes.size());
}

}  // namespace

std::vector<KeyPress> DecodeKeys(const std::string& bytes) {
  std::vector<KeyPress> keys;
  for (std::string_view rest = bytes; !rest.empty();) {
    size_t used = 0;
    for (const Sequence& sequence : kSequences) {
      if (rest.substr(0, sequence.bytes.size()) != sequence.bytes) continue;
      keys.push_back({sequence.key});
      used = sequence.bytes.size();
      break;
    }
    if (used == 0 && rest[0] == '\x1b') {
      used = UnknownSequence(rest);
      if (used == 0) {
        keys.push_back({Key::kEscape});
        used = 1;
      }
    } else if (used == 0) {
      keys.push_back({Key::kOther, rest[0]});
      used = 1;
    }
    rest.remove_prefix(used);
  }
  return keys;
}

void RawTerminal::TakeSignals() {
  const sigset_t set = TakenSet();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

absl::StatusOr<RawTerminal> RawTerminal::Open() {
  if (isatty(STDOUT_FILENO) != 1 || tcgetattr(STDIN_FILENO, &saved_mode) != 0) {
    return absl::FailedPreconditionError("no terminal");
  }
  const sigset_t set = TakenSet();
  RawTerminal terminal(base::UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)));
  terminal.Enter();
  return terminal;
}

RawTerminal::RawTerminal(RawTerminal&& other) noexcept
    : signals_(std::move(other.signals_)), entered_(std::exchange(other.entered_, false)) {}

RawTerminal::~RawTerminal() {
  if (entered_) Leave();
}

int RawTerminal::columns() const {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

int RawTerminal::rows() const {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

void RawTerminal::Enter() {
  SetFaultHandlers(OnFault);
  termios raw = saved_mode;
  // Keys at once, unseen; signals come from kill(2) only.
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG | IEXTEN);
  raw.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  WriteAll(kEnter);
  entered_ = true;
}

void RawTerminal::Leave() {
  WriteAll(kLeave);
  (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_mode);
  SetFaultHandlers(SIG_DFL);
  entered_ = false;
}

void RawTerminal::Show(const std::vector<std::string>& lines) {
  std::string out = "\x1b[H";
  const size_t shown = std::min(lines.size(), static_cast<size_t>(rows()));
  for (size_t i = 0; i < shown; ++i) {
    out.append(i == 0 ? "" : "\r\n").append(lines[i]).append("\x1b[K");
  }
  out += "\x1b[J";
  WriteAll(out);
}

TerminalEvents RawTerminal::Wait(int wake_fd, int timeout_ms) {
  TerminalEvents events;
  std::array<pollfd, 3> polled = {
      {{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}, {wake_fd, POLLIN, 0}}};
  if (poll(polled.data(), polled.size(), timeout_ms) <= 0) return events;
  if (polled[0].revents != 0) {
    char buffer[256];
    const ssize_t count = read(STDIN_FILENO, buffer, sizeof(buffer));
    if (count > 0) {
      events.keys = DecodeKeys(std::string(buffer, static_cast<size_t>(count)));
    } else {
      events.quit = true;  // hung up
    }
  }
  if (polled[1].revents != 0) TakeSignal(&events);
  if (polled[2].revents != 0) {
    uint64_t ignored = 0;
    events.woken = read(wake_fd, &ignored, sizeof(ignored)) > 0;
  }
  for (const KeyPress& press : events.keys) {
    if (press.key == Key::kOther && press.character == 0x1a) {  // Ctrl-Z
      Stop();
      events.resized = true;
    }
  }
  return events;
}

void RawTerminal::TakeSignal(TerminalEvents* events) {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
    switch (info.ssi_signo) {
      case SIGWINCH:
        events->resized = true;
        break;
      case SIGTSTP:
        Stop();
        events->resized = true;
        break;
      default:
        events->quit = true;
    }
  }
}

// Gives the terminal back, and takes it again when the process goes on.
void RawTerminal::Stop() {
  Leave();
  (void)raise(SIGSTOP);
  Enter();
}

}  // namespace coordhub::coordctl
