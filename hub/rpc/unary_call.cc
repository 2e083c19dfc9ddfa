#include "hub/rpc/unary_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "hub/engine/endings.h"
#include "hub/rpc/call_log.h"
#include "hub/rpc/grpc_status.h"
#include "hub/rpc/message_codec.h"
#include "hub/rpc/unread_answers.h"

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
  const grpc::ByteBuffer bytes = Encode(response);
  const size_t size = bytes.Length();
  if (!host_->unread_answers().TryAdd(shared_from_this(), connection_, size)) return RefuseUnread();
  answer_bytes_ = size;
  LogEnd(absl::OkStatus());
  call_->Answer(bytes);
}

void UnaryCall::RefuseUnread() {
  const absl::Status status = base::MakeError(
      base::pb::ERROR_REASON_LIMIT_REACHED,
      "too many bytes of answers wait for their callers to read them; read, then ask again",
      {{"limit_name", "unread_answer_bytes"},
       {"limit", absl::StrCat(UnreadAnswers::kBytesPerConnection)}});
  LogEnd(status);
  // What was changed must not read as refused: the caller does not know, and may repeat it.
  if (revision_ > 0) CutOff();
  call_->Refuse(ToGrpcStatus(status));
}

void UnaryCall::CutOff() {
  base::MutexLock lock(&mu_);
  // Runs no reaction on this thread.
  if (call_ != nullptr) call_->context().TryCancel();
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
    call->Refuse(engine::CallerGone());
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
  if (answer_bytes_ > 0) host_->unread_answers().Remove(this, connection_, answer_bytes_);
  if (is_counted_) host_->open_calls().Leave();
  std::unique_ptr<UnaryServerCall> call;  // goes after the lock
  {
    base::MutexLock lock(&mu_);
    call = std::move(call_);
  }
  call.reset();
  self_.reset();  // may delete this
}

}  // namespace coordhub::rpc
