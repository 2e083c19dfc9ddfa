#include "tests/bench/reference/fan_out.h"

#include <algorithm>
#include <utility>

namespace coordhub::bench {

class FanOut::Subscriber final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                                 public std::enable_shared_from_this<Subscriber> {
 public:
  Subscriber(FanOut* fan_out, bool coalesce) : fan_out_(*fan_out), coalesce_(coalesce) {}

  void Hand(const grpc::Slice& frame) {
    {
      base::MutexLock lock(&mu_);
      waiting_.push_back(frame);
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

void FanOut::Publish(const Payload& message) {
  EventBatch batch;
  batch.add_events(message.body());
  const grpc::Slice frame(batch.SerializeAsString());
  std::vector<std::shared_ptr<Subscriber>> all;
  {
    base::MutexLock lock(&mu_);
    all.assign(subscribers_.begin(), subscribers_.end());
  }
  for (const auto& subscriber : all) subscriber->Hand(frame);
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
