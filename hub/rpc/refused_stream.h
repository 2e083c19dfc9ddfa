// Streams that end before they begin.

#pragma once

#include "absl/status/status.h"
#include "hub/rpc/grpc_status.h"

namespace coordhub::rpc {

// A reactor that says why and goes. `Reactor` is one of gRPC's for streams.
template <class Reactor>
class RefusedStream final : public Reactor {
 public:
  explicit RefusedStream(const absl::Status& status) { this->Finish(ToGrpcStatus(status)); }
  void OnDone() override { delete this; }
};

}  // namespace coordhub::rpc
