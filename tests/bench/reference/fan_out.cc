#include "tests/bench/reference/fan_out.h"

#include <algorithm>
#include <utility>

namespace coordhub::bench {

class FanOut::Subscriber final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                                 public std::enable_shared_from_this<Subscriber> {
 public:
  Subscriber(FanOut* fan_out, bool coalesce) : fan_out_(*fan_out), coalesce_(coalesce) {}

  bool coalesces() const { return coalesce_; }
  void Hand(const std::vector<grpc::Slice>& frames) {
    {
      base::MutexLock lock(&mu_);
      waiting_.insert(waiting_.end(), frames.begin(), frames.end());
    }
    Pump();
  }
  void OnWriteDone(bool ok) override {
    {
      base::MutexLock lock(&mu_);
      writing_ = false;
      if (!ok) gone_ = true;
    }
    Pump();
  }
  void OnCancel() override {
    {
      base::MutexLock lock(&mu_);
      gone_ = true;
    }
    Pump();
  }
  void OnDone() override {
    const auto self = shared_from_this();
    base::MutexLock lock(&fan_out_.mu_);
    fan_out_.subscribers_.erase(self);
  }

 private:
  void Pump() {
    bool write = false;
    {
      base::MutexLock lock(&mu_);
      if (writing_ || finished_) return;
      if (gone_) {
        finished_ = true;
      } else if (!waiting_.empty()) {
        const size_t count = coalesce_ ? waiting_.size() : 1;
        slices_.assign(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(count));
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(count));
        message_ = grpc::ByteBuffer(slices_.data(), slices_.size());
        writing_ = write = true;
      } else {
        return;
      }
    }
    if (write) {
      StartWrite(&message_);
    } else {
      Finish(grpc::Status::CANCELLED);
    }
  }

  FanOut& fan_out_;
  const bool coalesce_;
  grpc::ByteBuffer message_;
  std::vector<grpc::Slice> slices_;
  base::Mutex mu_;
  std::deque<grpc::Slice> waiting_ ABSL_GUARDED_BY(mu_);
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
};

FanOut::FanOut() : thread_([this] { Run(); }) {}

FanOut::~FanOut() {
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
    wake_.Signal();
  }
  thread_.join();
}

void FanOut::Publish(const Payload& message) {
  EventBatch batch;
  batch.add_events(message.body());
  const grpc::Slice frame(batch.SerializeAsString());
  {
    base::MutexLock lock(&mu_);
    pending_.push_back(frame);
    if (pending_.size() == 1) wake_.Signal();
  }
  HandAll({frame}, /*coalescing=*/false);
}

void FanOut::HandAll(const std::vector<grpc::Slice>& frames, bool coalescing) {
  std::vector<std::shared_ptr<Subscriber>> all;
  {
    base::MutexLock lock(&mu_);
    for (const auto& subscriber : subscribers_) {
      if (subscriber->coalesces() == coalescing) all.push_back(subscriber);
    }
  }
  for (const auto& subscriber : all) subscriber->Hand(frames);
}

void FanOut::Run() {
  while (true) {
    std::vector<grpc::Slice> frames;
    {
      base::MutexLock lock(&mu_);
      while (pending_.empty() && !stopping_) wake_.Wait(&mu_);
      if (stopping_) return;
      frames = std::exchange(pending_, {});
    }
    HandAll(frames, /*coalescing=*/true);
  }
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* FanOut::Subscribe(bool coalesce) {
  const auto subscriber = std::make_shared<Subscriber>(this, coalesce);
  {
    base::MutexLock lock(&mu_);
    subscribers_.insert(subscriber);
  }
  subscriber->StartSendInitialMetadata();  // it is open
  return subscriber.get();
}

}  // namespace coordhub::bench
