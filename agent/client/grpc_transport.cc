#include "agent/client/grpc_transport.h"

#include <utility>

#include "agent/base/grpc_target.h"
#include "agent/base/session_token.h"
#include "agent/client/channel_arguments.h"
#include "agent/client/grpc_status.h"
#include "agent/client/grpc_streams.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/impl/codegen/proto_utils.h"  // how gRPC serializes a MessageLite
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace coordhub::agent {
namespace {

using google::protobuf::MessageLite;

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& endpoint, ChannelUse use) {
  return grpc::CreateCustomChannel(base::GrpcTargetOf(endpoint), grpc::InsecureChannelCredentials(),
                                   ChannelArgumentsFor(endpoint, use));
}

// A point of gRPC's monotonic clock: a wall clock that jumps ends no call.
gpr_timespec DeadlineAfter(absl::Duration timeout) {
  if (timeout == absl::InfiniteDuration()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(absl::ToInt64Nanoseconds(timeout), GPR_TIMESPAN));
}

// One unary call, from its start until its callback has run. Not gRPC's blocking call, which costs
// a thread less: between such calls nobody drives the connection, so that one which is being made
// again, to a hub that was frozen or restarted, stood still for up to five seconds.
class UnaryCall {
 public:
  grpc::ClientContext* context() { return &context_; }

  grpc::Status Run(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                   const MessageLite& request, MessageLite* response) {
    grpc::TemplatedGenericStub<MessageLite, MessageLite> stub(channel);
    stub.UnaryCall(&context_, method, grpc::StubOptions(), &request, response,
                   [this](grpc::Status status) { Done(std::move(status)); });
    base::MutexLock lock(&mu_);
    while (!done_) done_cv_.Wait(&mu_);
    return status_;
  }

 private:
  void Done(grpc::Status status) {
    base::MutexLock lock(&mu_);
    status_ = std::move(status);
    done_ = true;
    done_cv_.Signal();  // under the lock: Run returns, and this object goes, once it is released
  }

  grpc::ClientContext context_;
  base::Mutex mu_;
  base::CondVar done_cv_;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

void AddCredentials(const Credentials& credentials, grpc::ClientContext* context) {
  if (!credentials.session_token.empty()) {
    context->AddMetadata(base::kSessionMetadataKey, credentials.session_token);
  }
  if (!credentials.operator_token.empty()) {
    context->AddMetadata(base::kOperatorMetadataKey, credentials.operator_token);
  }
  if (!credentials.client_id.empty()) {
    context->AddMetadata(base::kClientMetadataKey, credentials.client_id);
  }
}

bool GrpcTransport::CallRegistry::Add(grpc::ClientContext* context) {
  base::MutexLock lock(&mu_);
  if (shut_down_) return false;
  contexts_.insert(context);
  return true;
}

void GrpcTransport::CallRegistry::Remove(grpc::ClientContext* context) {
  base::MutexLock lock(&mu_);
  contexts_.erase(context);
}

// Under the lock, which is what keeps the contexts alive. No reaction of ours, on whatever thread
// it runs, takes this lock.
void GrpcTransport::CallRegistry::CancelAll() {
  base::MutexLock lock(&mu_);
  shut_down_ = true;
  for (grpc::ClientContext* context : contexts_) context->TryCancel();
}

bool GrpcTransport::CallRegistry::shut_down() {
  base::MutexLock lock(&mu_);
  return shut_down_;
}

GrpcTransport::Channels::Channels(const std::string& to)
    : endpoint(to), calls(MakeChannel(to, ChannelUse::kCalls)) {}

std::shared_ptr<grpc::Channel> GrpcTransport::Channels::watches() const {
  base::MutexLock lock(&mu_);
  if (watches_ == nullptr) watches_ = MakeChannel(endpoint, ChannelUse::kWatches);
  return watches_;
}

GrpcTransport::GrpcTransport(const std::string& endpoint, Resolve resolve)
    : resolve_(std::move(resolve)),
      calls_(std::make_shared<CallRegistry>()),
      channels_(std::make_shared<const Channels>(endpoint)) {}

GrpcTransport::~GrpcTransport() { calls_->CancelAll(); }

std::shared_ptr<const GrpcTransport::Channels> GrpcTransport::channels() {
  base::MutexLock lock(&mu_);
  return channels_;
}

absl::Status GrpcTransport::Unary(const std::string& method, const MessageLite& request,
                                  MessageLite* response, const Credentials& credentials,
                                  absl::Duration timeout) {
  const std::shared_ptr<const Channels> channels = this->channels();
  UnaryCall call;
  AddCredentials(credentials, call.context());
  call.context()->set_deadline(DeadlineAfter(timeout));
  if (!calls_->Add(call.context())) return absl::CancelledError("the client was shut down");
  const grpc::Status status = call.Run(channels->calls, method, request, response);
  calls_->Remove(call.context());
  return FromGrpc(status, channels->endpoint, calls_->shut_down());
}

std::unique_ptr<EventStream> GrpcTransport::Watch(const pb::WatchEventsRequest& request,
                                                  const Credentials& credentials) {
  return MakeGrpcEventStream(channels(), calls_, request, credentials);
}

std::unique_ptr<KeepAliveStream> GrpcTransport::KeepAlive(const Credentials& credentials,
                                                          KeepAliveStream::Listener* listener) {
  return MakeGrpcKeepAliveStream(channels(), calls_, credentials, listener);
}

void GrpcTransport::Refresh() {
  if (resolve_ == nullptr) return;
  const absl::StatusOr<std::string> endpoint = resolve_();
  // No endpoint file, for a moment: the hub may come back where it was.
  if (!endpoint.ok()) return;
  base::MutexLock lock(&mu_);
  if (*endpoint != channels_->endpoint) channels_ = std::make_shared<const Channels>(*endpoint);
}

void GrpcTransport::Shutdown() { calls_->CancelAll(); }

}  // namespace coordhub::agent
