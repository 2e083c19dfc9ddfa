#include "agent/client/grpc_streams.h"

#include <atomic>
#include <optional>
#include <utility>

#include "agent/client/grpc_status.h"
#include "coordhub/v1/agent_service.grpc.pb.h"
#include "coordhub/v1/event_service.grpc.pb.h"

namespace coordhub::agent {
namespace {

using Calls = std::shared_ptr<GrpcTransport::CallRegistry>;
using ChannelsPtr = std::shared_ptr<const GrpcTransport::Channels>;

class GrpcEventStream final : public EventStream {
 public:
  GrpcEventStream(ChannelsPtr channels, Calls calls, const pb::WatchEventsRequest& request,
                  const Credentials& credentials)
      : channels_(std::move(channels)), calls_(std::move(calls)), request_(request) {
    AddCredentials(credentials, &context_);
    if (!calls_->Add(&context_)) context_.TryCancel();
  }

  ~GrpcEventStream() override {
    if (!finished_) {
      context_.TryCancel();
      (void)Finish();
    }
    calls_->Remove(&context_);
  }

  // The call begins here, not in the constructor: gRPC blocks until it is sent, and before there is
  // a stream nobody could cancel it.
  bool Read(pb::WatchEventsResponse* response) override {
    if (reader_ == nullptr) {
      reader_ = pb::EventService::NewStub(channels_->watches())->WatchEvents(&context_, request_);
    }
    return reader_->Read(response);
  }

  absl::Status Finish() override {
    if (reader_ == nullptr) {
      finished_ = true;
      return absl::CancelledError("the watch was cancelled before it began");
    }
    // Finish() of gRPC must not come before the stream was read to its end.
    pb::WatchEventsResponse rest;
    while (reader_->Read(&rest)) {
    }
    finished_ = true;
    return FromGrpc(reader_->Finish(), channels_->endpoint, cancelled_ || calls_->shut_down());
  }

  void Cancel() override {
    cancelled_ = true;
    context_.TryCancel();
  }

 private:
  const ChannelsPtr channels_;
  const Calls calls_;
  const pb::WatchEventsRequest request_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<pb::WatchEventsResponse>> reader_;
  bool finished_ = false;
  std::atomic<bool> cancelled_ = false;
};

// Holds the call open (AddHold) until the owner finishes it, so that OnDone cannot come while the
// owner still sends.
class GrpcKeepAliveStream final
    : public KeepAliveStream,
      private grpc::ClientBidiReactor<pb::KeepAliveRequest, pb::KeepAliveResponse> {
 public:
  GrpcKeepAliveStream(ChannelsPtr channels, Calls calls, const Credentials& credentials,
                      Listener* listener)
      : channels_(std::move(channels)),
        calls_(std::move(calls)),
        stub_(pb::AgentService::NewStub(channels_->calls)),
        listener_(*listener) {
    AddCredentials(credentials, &context_);
    if (!calls_->Add(&context_)) context_.TryCancel();
    stub_->async()->KeepAlive(&context_, this);
    AddHold();
    StartRead(&answer_);
    StartCall();
  }

  ~GrpcKeepAliveStream() override {
    if (!finished_) (void)Finish();
    calls_->Remove(&context_);
  }

  bool Send(const pb::KeepAliveRequest& request) override {
    {
      base::MutexLock lock(&mu_);
      if (writing_ || broken_) return false;
      writing_ = true;
    }
    request_ = request;  // gRPC's until OnWriteDone
    StartWrite(&request_);
    return true;
  }

  absl::Status Finish() override {
    finished_ = true;
    bool cancelled = calls_->shut_down();
    {
      base::MutexLock lock(&mu_);
      cancelled = cancelled || !broken_;
    }
    if (cancelled) context_.TryCancel();
    RemoveHold();
    base::MutexLock lock(&mu_);
    while (!status_.has_value()) done_.Wait(&mu_);
    return FromGrpc(*status_, channels_->endpoint, cancelled);
  }

 private:
  void OnReadDone(bool ok) override {
    if (ok) {
      pb::KeepAliveResponse answer;
      answer.Swap(&answer_);
      listener_.OnAnswer(std::move(answer));
      StartRead(&answer_);
      return;
    }
    {
      base::MutexLock lock(&mu_);
      broken_ = true;
    }
    listener_.OnBroken();
  }

  void OnWriteDone(bool /*ok*/) override {
    base::MutexLock lock(&mu_);
    writing_ = false;
  }

  void OnDone(const grpc::Status& status) override {
    base::MutexLock lock(&mu_);
    status_ = status;
    done_.Signal();  // under the lock: the object goes once Finish has it
  }

  const ChannelsPtr channels_;
  const Calls calls_;
  const std::unique_ptr<pb::AgentService::Stub> stub_;
  Listener& listener_;
  grpc::ClientContext context_;
  pb::KeepAliveRequest request_;  // gRPC's while writing_
  pb::KeepAliveResponse answer_;  // gRPC's between StartRead and OnReadDone
  bool finished_ = false;         // the owner's

  base::Mutex mu_;  // never held while gRPC or the listener is called
  base::CondVar done_;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool broken_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<grpc::Status> status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

std::unique_ptr<EventStream> MakeGrpcEventStream(ChannelsPtr channels, Calls calls,
                                                 const pb::WatchEventsRequest& request,
                                                 const Credentials& credentials) {
  return std::make_unique<GrpcEventStream>(std::move(channels), std::move(calls), request,
                                           credentials);
}

std::unique_ptr<KeepAliveStream> MakeGrpcKeepAliveStream(ChannelsPtr channels, Calls calls,
                                                         const Credentials& credentials,
                                                         KeepAliveStream::Listener* listener) {
  return std::make_unique<GrpcKeepAliveStream>(std::move(channels), std::move(calls), credentials,
                                               listener);
}

}  // namespace coordhub::agent
