#include "agent/client/watch.h"

#include <utility>

#include "agent/client/backoff.h"

namespace coordhub::agent {

Watch::Watch(const Client& client, WatchOptions options, WatchHandler* handler)
    : client_(client),
      connect_timeout_(options.connect_timeout),
      reconnect_timeout_(options.reconnect_timeout),
      handler_(*handler),
      cursor_(std::move(options)) {
  PublishPosition();
  base::MutexLock lock(&join_mu_);
  thread_ = std::thread([this] { Run(); });
}

Watch::~Watch() { Stop(); }

void Watch::Run() {
  base::Clock& clock = client_.connection().clock();
  const RetryPolicy& retry = client_.connection().retry();
  Backoff backoff(retry.backoff, &client_.connection().ids());
  base::MonoTime give_up = clock.Mono() + connect_timeout_;
  while (!stopping()) {
    const base::MonoTime opened = clock.Mono();
    const absl::Status status = RunStream();
    if (stopping()) break;
    if (cursor_.greeted()) give_up = clock.Mono() + reconnect_timeout_;
    // Not at once on success: a hub that greets and then hangs up is not to be asked ever faster.
    if (clock.Mono() - opened >= retry.backoff.max) backoff.Reset();
    const bool resume = cursor_.StreamEnded(status, &handler_) == WatchCursor::Next::kResume;
    PublishPosition();
    if (!resume || clock.Mono() >= give_up) {
      handler_.OnEnd(status);
      break;
    }
    handler_.OnDisconnected(status);
    if (!Pause(backoff.Next())) break;
    client_.connection().transport().Refresh();
  }
  base::MutexLock lock(&mu_);
  done_ = true;
  changed_.SignalAll();
}

absl::Status Watch::RunStream() {
  const std::unique_ptr<EventStream> stream = client_.connection().transport().Watch(
      cursor_.Request(client_.workspace_id()), client_.credentials());
  cursor_.StreamOpened();
  {
    base::MutexLock lock(&mu_);
    stream_ = stream.get();
    if (stopping_) stream->Cancel();
  }
  absl::Status broken;
  pb::WatchEventsResponse response;
  while (broken.ok() && !stopping() && stream->Read(&response)) {
    broken = cursor_.Accept(response, &handler_, [this] { return stopping(); });
    PublishPosition();
  }
  if (!broken.ok()) stream->Cancel();
  absl::Status ended = stream->Finish();
  {
    base::MutexLock lock(&mu_);
    stream_ = nullptr;
  }
  return broken.ok() ? ended : broken;
}

WatchPosition Watch::position() const {
  base::MutexLock lock(&mu_);
  return position_;
}

void Watch::RequestStop() {
  base::MutexLock lock(&mu_);
  stopping_ = true;
  if (stream_ != nullptr) stream_->Cancel();  // under the lock, which keeps the stream alive
  changed_.SignalAll();
}

void Watch::Stop() {
  RequestStop();
  Join();
}

void Watch::Join() {
  {
    base::MutexLock lock(&mu_);
    while (!done_) changed_.Wait(&mu_);
  }
  base::MutexLock lock(&join_mu_);
  if (thread_.joinable()) thread_.join();
}

bool Watch::Pause(absl::Duration delay) {
  base::Clock& clock = client_.connection().clock();
  const base::MonoTime until = clock.Mono() + delay;
  base::MutexLock lock(&mu_);
  while (!stopping_) {
    const absl::Duration left = until - clock.Mono();
    if (left <= absl::ZeroDuration()) return true;
    changed_.WaitWithTimeout(&mu_, left);
  }
  return false;
}

bool Watch::stopping() const {
  if (client_.connection().shut_down()) return true;
  base::MutexLock lock(&mu_);
  return stopping_;
}

void Watch::PublishPosition() {
  WatchPosition position = cursor_.position();
  base::MutexLock lock(&mu_);
  position_ = std::move(position);
}

}  // namespace coordhub::agent
