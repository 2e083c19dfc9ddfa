// The reference's calls; see bench.proto.

#pragma once

#include "bench.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/reference/durable_log.h"
#include "tests/bench/reference/fan_out.h"

namespace coordhub::bench {

class ReferenceService final
    : public Reference::WithRawCallbackMethod_Subscribe<Reference::CallbackService> {
 public:
  // Not owned.
  explicit ReferenceService(DurableLog* log) : log_(*log) {}

  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const Payload* request,
                                 Payload* response) override;
  grpc::ServerUnaryReactor* DurableEcho(grpc::CallbackServerContext* context,
                                        const Payload* request, Payload* response) override;
  grpc::ServerBidiReactor<Payload, Payload>* EchoStream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerBidiReactor<Payload, Payload>* Publish(grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Subscribe(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request) override;

 private:
  DurableLog& log_;
  FanOut fan_out_;
};

}  // namespace coordhub::bench
