// Streams of the services beside ours: health and reflection.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/slice.h"
#include "tests/rpc/hub_fixture.h"

namespace coordhub::rpc {

// A call of a service whose messages are not compiled in here: bytes in, bytes out.
class RawStream {
 public:
  RawStream(const Client& client, const std::string& method)
      : stub_(client.channel()), context_(client.Context()) {
    stream_ = stub_.PrepareCall(context_.get(), method, &queue_);
    stream_->StartCall(nullptr);
    Wait();
  }
  ~RawStream() {
    context_->TryCancel();
    grpc::Status ignored;
    stream_->Finish(&ignored, nullptr);
    Wait();
  }
  void Send(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    stream_->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    Wait();
  }
  std::string Next() {
    grpc::ByteBuffer response;
    stream_->Read(&response, nullptr);
    if (!Wait()) return "ended";
    std::vector<grpc::Slice> slices;
    (void)response.Dump(&slices);
    std::string flat;
    for (const grpc::Slice& slice : slices) {
      flat.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    return flat;
  }

 private:
  bool Wait() {
    void* tag = nullptr;
    bool ok = false;
    queue_.Next(&tag, &ok);
    return ok;
  }

  grpc::GenericStub stub_;
  const std::unique_ptr<grpc::ClientContext> context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
};

// HealthCheckResponse.status, as bytes.
inline constexpr char kServing[] = "\x08\x01";
inline constexpr char kNotServing[] = "\x08\x02";

inline std::string HealthRequest(const std::string& service) {
  if (service.empty()) return "";
  return std::string("\x0a") + static_cast<char>(service.size()) + service;
}

}  // namespace coordhub::rpc
