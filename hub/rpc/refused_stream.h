// Streams that end before they begin.

#pragma once

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "hub/rpc/grpc_status.h"
#include "hub/rpc/server_call.h"

namespace coordhub::rpc {

// Says why, and goes.
class RefusedStream final : public CallReactor {
 public:
  static void Start(std::unique_ptr<StreamServerCall> call, const absl::Status& status) {
    auto* const stream = new RefusedStream(std::move(call));
    stream->call_->Finish(ToGrpcStatus(status));
  }
  void OnCancel() override {}
  void OnDone() override { delete this; }

 private:
  explicit RefusedStream(std::unique_ptr<StreamServerCall> call) : call_(std::move(call)) {
    call_->set_reactor(this);
  }

  const std::unique_ptr<StreamServerCall> call_;
};

}  // namespace coordhub::rpc
