#include "agent/client/connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "agent/base/error.h"

namespace coordhub::agent {
namespace {

// What the last attempt gets of a call's time, or a tenth of it if that is less.
constexpr absl::Duration kLastAttempt = absl::Milliseconds(50);

// The same status with words added to its message.
absl::Status WithNote(const absl::Status& status, const std::string& note) {
  absl::Status noted(status.code(), absl::StrCat(status.message(), note));
  status.ForEachPayload([&noted](absl::string_view url, const absl::Cord& payload) {
    noted.SetPayload(url, payload);
  });
  return noted;
}

absl::Status GaveUp(const absl::Status& status, int attempts, absl::Duration elapsed) {
  if (attempts < 2) return status;
  return WithNote(
      status, absl::StrCat("; gave up after ", attempts, " attempts in ",
                           absl::FormatDuration(absl::Trunc(elapsed, absl::Milliseconds(100)))));
}

}  // namespace

Connection::Connection(const ClientOptions& options, std::unique_ptr<Transport> transport)
    : timeout_(options.timeout),
      retry_(options.retry),
      make_request_id_(options.make_request_id),
      on_retry_(options.on_retry),
      clock_(*options.clock),
      ids_(*options.ids),
      transport_(std::move(transport)) {}

Connection::~Connection() { Shutdown(); }

absl::Status Connection::Call(const std::string& method,
                              const google::protobuf::MessageLite& request,
                              google::protobuf::MessageLite* response,
                              const Credentials& credentials, absl::Duration timeout) {
  const base::MonoTime start = clock_.Mono();
  const base::MonoTime deadline = start + timeout;
  const absl::Duration last_attempt = std::min(timeout / 10, kLastAttempt);
  Backoff backoff(retry_.backoff, &ids_);
  absl::Status why;  // of the attempt before
  for (int attempts = 1;; ++attempts) {
    const absl::Duration left = std::max(deadline - clock_.Mono(), absl::ZeroDuration());
    absl::Status status = transport_->Unary(method, request, response, credentials, left);
    // An attempt that only ran out of the little time that was left says less than the one before.
    if (absl::IsDeadlineExceeded(status) && absl::IsUnavailable(why) && left <= last_attempt) {
      return GaveUp(why, attempts, clock_.Mono() - start);
    }
    if (status.ok() || !retry_.Retryable(status)) return status;

    const absl::Duration advised = base::RetryDelayOf(status).value_or(absl::ZeroDuration());
    const base::MonoTime now = clock_.Mono();
    // The last pause is shortened, so that there is an attempt when the time is nearly over.
    const absl::Duration room = deadline - now - last_attempt;
    const absl::Duration delay = std::max(std::min(backoff.Next(), room), advised);
    if (room <= absl::ZeroDuration() || advised > room)
      return GaveUp(status, attempts, now - start);
    if (on_retry_ != nullptr) on_retry_(status, delay);
    if (!PauseUntil(now + delay)) return absl::CancelledError("the client was shut down");
    if (status.code() == absl::StatusCode::kUnavailable) transport_->Refresh();
    why = std::move(status);
  }
}

void Connection::Shutdown() {
  {
    base::MutexLock lock(&mu_);
    shut_down_ = true;
  }
  shut_down_cv_.SignalAll();
  transport_->Shutdown();
}

bool Connection::shut_down() const {
  base::MutexLock lock(&mu_);
  return shut_down_;
}

bool Connection::PauseUntil(base::MonoTime until) {
  base::MutexLock lock(&mu_);
  while (!shut_down_) {
    const absl::Duration left = until - clock_.Mono();
    if (left <= absl::ZeroDuration()) return true;
    shut_down_cv_.WaitWithTimeout(&mu_, left);
  }
  return false;
}

}  // namespace coordhub::agent
