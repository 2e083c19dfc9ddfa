#include "tests/bench/reference/reference_service.h"

#include <string>

namespace coordhub::bench {
namespace {

void Answer(const Payload& request, Payload* response) {
  response->set_body(std::string(static_cast<size_t>(request.answer_bytes()), 'a'));
}

// Reads a message, answers it, and again.
class EchoReactor final : public grpc::ServerBidiReactor<Payload, Payload> {
 public:
  EchoReactor() { StartRead(&request_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    Answer(request_, &response_);
    StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    StartRead(&request_);
  }
  void OnDone() override { delete this; }

 private:
  Payload request_;
  Payload response_;
};

// Reads on at once; answers nothing.
class PublishReactor final : public grpc::ServerBidiReactor<Payload, Payload> {
 public:
  explicit PublishReactor(FanOut* fan_out) : fan_out_(*fan_out) { StartRead(&request_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    fan_out_.Publish(request_);
    StartRead(&request_);
  }
  void OnDone() override { delete this; }

 private:
  FanOut& fan_out_;
  Payload request_;
};

}  // namespace

grpc::ServerUnaryReactor* ReferenceService::Echo(grpc::CallbackServerContext* context,
                                                 const Payload* request, Payload* response) {
  Answer(*request, response);
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* ReferenceService::DurableEcho(grpc::CallbackServerContext* context,
                                                        const Payload* request, Payload* response) {
  auto* reactor = context->DefaultReactor();
  Answer(*request, response);
  // What the hub writes for a mutation is about as long as what it answers.
  log_.Append(response->body(), [reactor] { reactor->Finish(grpc::Status::OK); });
  return reactor;
}

grpc::ServerBidiReactor<Payload, Payload>* ReferenceService::EchoStream(
    grpc::CallbackServerContext* /*context*/) {
  return new EchoReactor();
}

grpc::ServerBidiReactor<Payload, Payload>* ReferenceService::Publish(
    grpc::CallbackServerContext* /*context*/) {
  return new PublishReactor(&fan_out_);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ReferenceService::Subscribe(
    grpc::CallbackServerContext* /*context*/, const grpc::ByteBuffer* request) {
  SubscribeRequest parsed;
  grpc::ByteBuffer bytes(*request);
  (void)grpc::SerializationTraits<SubscribeRequest>::Deserialize(&bytes, &parsed);
  return fan_out_.Subscribe(parsed.coalesce());
}

}  // namespace coordhub::bench
