// Bidirectional streams as a load: so many messages on their way in each.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "agent/base/mutex.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/load/meter.h"

namespace coordhub::bench {

// One stream that keeps `in_flight` operations open: a request carries the operations that are free
// to begin, a response says how many have ended (in their order). Deletes itself when told to stop
// and nothing is open.
template <class Request, class Response>
class Pipeline final : public grpc::ClientBidiReactor<Request, Response> {
 public:
  struct Options {
    int in_flight = 64;
    // Operations of one request at the most.
    int per_request = 1;
    // Adds an operation to the request.
    std::function<void(Request*)> add;
    // How many have ended with this response.
    std::function<int(const Response&)> count;
    // Called once, at the end.
    std::function<void(const grpc::Status&)> on_end;
  };

  Pipeline(Options options, Meter* meter) : options_(std::move(options)), meter_(*meter) {}

  // After the stub's call has bound this.
  void Begin() {
    this->AddHold();
    this->StartCall();
    this->StartRead(&response_);
    Send();
  }
  void Stop() {
    {
      base::MutexLock lock(&mu_);
      stopping_ = true;
    }
    Send();
  }

  void OnWriteDone(bool ok) override {
    {
      base::MutexLock lock(&mu_);
      writing_ = false;
      broken_ |= !ok;
    }
    Send();
  }
  void OnReadDone(bool ok) override {
    if (!ok) {
      {
        base::MutexLock lock(&mu_);
        broken_ = true;
      }
      return Send();
    }
    const int64_t now = NowNs();
    {
      base::MutexLock lock(&mu_);
      for (int ended = options_.count(response_); ended > 0; --ended) {
        meter_.Count(began_[first_++ % began_.size()], now);
        --open_;
      }
    }
    this->StartRead(&response_);
    Send();
  }
  void OnDone(const grpc::Status& status) override {
    options_.on_end(status);
    delete this;
  }

 private:
  void Send() {
    bool close = false;
    {
      base::MutexLock lock(&mu_);
      if (writing_ || closed_) return;
      if (broken_ || (stopping_ && open_ == 0)) {
        closed_ = close = true;
      } else {
        const int room = stopping_ ? 0 : std::min(options_.in_flight - open_, options_.per_request);
        if (room <= 0) return;
        began_.resize(static_cast<size_t>(options_.in_flight));
        request_.Clear();
        for (int i = 0; i < room; ++i) {
          options_.add(&request_);
          began_[next_++ % began_.size()] = NowNs();
        }
        open_ += room;
        writing_ = true;
      }
    }
    if (close) {
      this->StartWritesDone();
      this->RemoveHold();
    } else {
      this->StartWrite(&request_);
    }
  }

  const Options options_;
  Meter& meter_;
  Request request_;
  Response response_;
  base::Mutex mu_;
  std::vector<int64_t> began_;
  size_t first_ = 0;
  size_t next_ = 0;
  int open_ = 0;
  bool writing_ = false;
  bool stopping_ = false;
  bool broken_ = false;
  bool closed_ = false;
};

}  // namespace coordhub::bench
