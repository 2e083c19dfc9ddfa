#include "hub/rpc/unary_call.h"

#include <utility>

#include "agent/base/error.h"
#include "hub/rpc/call_log.h"
#include "hub/rpc/grpc_status.h"
#include "hub/rpc/message_codec.h"

namespace coordhub::rpc {

std::shared_ptr<UnaryCall> UnaryCall::Start(std::shared_ptr<ServiceHost> host, const Gate* gate,
                                            std::unique_ptr<UnaryServerCall> server_call) {
  std::shared_ptr<UnaryCall> call(new UnaryCall(std::move(host), gate, std::move(server_call)));
  call->self_ = call;
  call->call_->set_reactor(call.get());
  call->is_counted_ = call->host_->open_calls().TryEnter();
  return call;
}

void UnaryCall::Answer(const google::protobuf::Message& response) {
  if (answered_.exchange(true)) return;
  LogEnd(absl::OkStatus());
  call_->Answer(Encode(response));
}

void UnaryCall::Refuse(const absl::Status& status) {
  if (answered_.exchange(true)) return;
  LogEnd(status);
  call_->Refuse(ToGrpcStatus(status));
}

void UnaryCall::LogEnd(const absl::Status& status) const {
  CallRecord record;
  if (method_ != nullptr) record.method = *method_;
  if (principal_.has_value()) record.caller = &*principal_;
  record.workspace_id = workspace_id_;
  record.request_id = request_id_;
  record.revision = revision_;
  record.took = host_->clock().Mono() - began_;
  record.may_wait = may_wait_;
  LogCall(record, status);
}

void UnaryCall::WhenGone(OnGone on_gone) {
  may_wait_ = true;
  {
    base::MutexLock lock(&mu_);
    if (!gone_) {
      on_gone_ = std::move(on_gone);
      return;
    }
  }
  on_gone();
}

void UnaryCall::RefuseWhenGone() {
  WhenGone([weak = weak_from_this()] {
    const auto call = weak.lock();
    if (call == nullptr) return;
    call->Refuse(base::MakeError(base::pb::ERROR_REASON_CALLER_GONE, "the caller went away"));
  });
}

void UnaryCall::OnCancel() {
  OnGone on_gone;
  {
    base::MutexLock lock(&mu_);
    gone_ = true;
    on_gone = std::move(on_gone_);
  }
  if (on_gone) on_gone();
}

void UnaryCall::OnDone() {
  if (is_counted_) host_->open_calls().Leave();
  call_.reset();
  self_.reset();  // may delete this
}

}  // namespace coordhub::rpc
