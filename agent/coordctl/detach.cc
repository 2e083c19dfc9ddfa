#include "agent/coordctl/detach.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "agent/base/error.h"
#include "agent/base/process.h"
#include "agent/base/status_macros.h"
#include "google/rpc/status.pb.h"

namespace coordhub::coordctl {
namespace {

namespace pb = ::coordhub::v1;

// Reads until the other end is closed.
std::string ReadAll(int fd) {
  std::string content;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return content;
    content.append(buffer.data(), static_cast<size_t>(got));
  }
}

void LoseTerminal() {
  const base::UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (null.valid()) (void)dup2(null.get(), standard);
  }
}

// What the pipe carries: nothing but one byte for OK, else the encoded status.
constexpr char kOkByte = '\0';

absl::Status Decode(const std::string& content) {
  if (content == std::string(1, kOkByte)) return absl::OkStatus();
  google::rpc::Status encoded;
  if (content.empty() || !encoded.ParseFromString(content)) {
    return base::MakeError(pb::ERROR_REASON_INTERNAL, "the process in the background ended");
  }
  return base::DecodeStatus(encoded.code(), encoded.message(), content);
}

}  // namespace

absl::StatusOr<Detached> Detached::Fork() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return base::MakeIoError("pipe", "", errno);
  base::UniqueFd read_end(ends[0]);
  base::UniqueFd write_end(ends[1]);
  COORDHUB_ASSIGN_OR_RETURN(std::optional<base::ChildProcess> child, base::ChildProcess::Fork());
  Detached detached;
  if (!child.has_value()) {
    setsid();
    // A second fork, so that the process that stays is nobody's child and leaves no zombie.
    const auto second = base::ChildProcess::Fork();
    if (!second.ok() || second->has_value()) _exit(0);
    LoseTerminal();
    detached.report_ = std::move(write_end);
    return detached;
  }
  write_end.Reset();
  child->Wait();
  detached.outcome_ = Decode(ReadAll(read_end.get()));
  return detached;
}

void Detached::Report(const absl::Status& status) {
  const std::string bytes =
      status.ok() ? std::string(1, kOkByte) : base::EncodeStatusDetails(status);
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t written = write(report_.get(), bytes.data() + sent, bytes.size() - sent);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;  // the caller is gone; nobody wants to know
    sent += static_cast<size_t>(written);
  }
  report_.Reset();
}

}  // namespace coordhub::coordctl
