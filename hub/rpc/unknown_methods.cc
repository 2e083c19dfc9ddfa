#include "hub/rpc/unknown_methods.h"

#include <utility>

#include "agent/base/error.h"
#include "hub/rpc/grpc_status.h"

namespace coordhub::rpc {

// Refused as soon as it is there.
class UnknownMethods::Call final : private Completion {
 public:
  void Request(grpc::AsyncGenericService* service, const CallQueue& queue, Completion* came) {
    service->RequestCall(&context_, &responder_, queue.get(), queue.get(), came);
  }

  // Ends with the call.
  static void Refuse(std::unique_ptr<Call> call) {
    Call* const refused = call.release();
    const std::string& method = refused->context_.method();
    refused->responder_.Finish(
        ToGrpcStatus(base::MakeError(base::pb::ERROR_REASON_NOT_IMPLEMENTED,
                                     "there is no method " + method, {{"method", method}})),
        static_cast<Completion*>(refused));
  }

 private:
  void OnCompletion(bool /*ok*/) override { delete this; }

  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter responder_{&context_};
};

UnknownMethods::UnknownMethods() = default;
UnknownMethods::~UnknownMethods() = default;

void UnknownMethods::Accept(CallQueue* queue) {
  queue_ = queue;
  queue_->users().Enter();
  Await();
}

void UnknownMethods::Await() {
  next_ = std::make_unique<Call>();
  next_->Request(&service_, *queue_, this);
}

void UnknownMethods::OnCompletion(bool ok) {
  std::unique_ptr<Call> call = std::move(next_);
  if (!ok) return queue_->users().Leave();  // the server stops
  Await();
  Call::Refuse(std::move(call));
}

}  // namespace coordhub::rpc
