// A call as gRPC's asynchronous interface has it, and who serves it.

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "grpcpp/server_context.h"
#include "grpcpp/support/async_stream.h"
#include "grpcpp/support/async_unary_call.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"
#include "hub/rpc/call_queue.h"

namespace coordhub::rpc {

// What happens to a call is told to its reactor, on threads of the queue's, maybe two things at the
// same time; never in the midst of a method of the call that it called. None may block.
class CallReactor {
 public:
  // The read that was begun is over; not `ok`: the client says nothing more.
  virtual void OnReadDone(bool /*ok*/) {}
  // The write that was begun is over; not `ok`: the call is, too.
  virtual void OnWriteDone(bool /*ok*/) {}
  // The client went away, or its deadline passed. Finish all the same.
  virtual void OnCancel() = 0;
  // The last: the call was finished and has ended, and nothing is under way. The call may go.
  virtual void OnDone() = 0;

 protected:
  ~CallReactor() = default;
};

// What unary calls and streams have in common. Made before there is a call, for gRPC to fill in.
class ServerCall {
 public:
  virtual ~ServerCall() = default;
  ServerCall(const ServerCall&) = delete;
  ServerCall& operator=(const ServerCall&) = delete;

  // Metadata, deadline, TryCancel. Any thread, until OnDone.
  grpc::ServerContext& context() { return context_; }
  // Who serves it, and outlives it; before anything is begun, in the handler that it came to.
  void set_reactor(CallReactor* reactor) { reactor_ = reactor; }

  // It came, through a queue that it uses from now on, until OnDone.
  void Begin(CallQueue* queue) {
    users_ = &queue->users();
    users_->Enter();
  }
  // Its handler has returned. Only now its end is told, so that nothing goes while it is set up.
  void Begun() {
    if ((seen_.fetch_or(kBegun, std::memory_order_acq_rel) & kEnded) != 0) TellEnd();
  }

 protected:
  ServerCall() { context_.AsyncNotifyWhenDone(&ended_); }

  CallReactor& reactor() { return *reactor_; }
  Completion* finished() { return &finished_; }
  // Something more was begun. Before it is.
  void Expect() { to_come_.fetch_add(1, std::memory_order_relaxed); }
  // It is over. This may be gone afterwards.
  void LetGo() {
    if (to_come_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    OpenCalls* const users = users_;
    reactor_->OnDone();
    users->Leave();
  }

 private:
  static constexpr int kBegun = 1;
  static constexpr int kEnded = 2;

  void OnEnded(bool /*ok*/) {
    if ((seen_.fetch_or(kEnded, std::memory_order_acq_rel) & kBegun) != 0) TellEnd();
  }
  void TellEnd() {
    if (context_.IsCancelled()) reactor_->OnCancel();
    LetGo();
  }
  void OnFinished(bool /*ok*/) { LetGo(); }

  CompletionOf<ServerCall> ended_{this, &ServerCall::OnEnded};
  CompletionOf<ServerCall> finished_{this, &ServerCall::OnFinished};
  CallReactor* reactor_ = nullptr;
  OpenCalls* users_ = nullptr;
  std::atomic<int> seen_{0};
  // The call's end, that it is finished, and what was begun besides.
  std::atomic<int> to_come_{2};
  grpc::ServerContext context_;
};

// A request and its one answer.
class UnaryServerCall final : public ServerCall {
 public:
  using Responder = grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>;

  grpc::ByteBuffer& request() { return request_; }
  Responder& responder() { return responder_; }

  // One of these, once; any thread. This may be gone when they return.
  void Answer(const grpc::ByteBuffer& response) {
    responder_.Finish(response, grpc::Status::OK, finished());
  }
  void Refuse(const grpc::Status& status) { responder_.FinishWithError(status, finished()); }

 private:
  grpc::ByteBuffer request_;
  Responder responder_{&context()};
};

// Messages of the server, and of the client where both sides stream.
class StreamServerCall final : public ServerCall {
 public:
  using Responder = grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;

  // Where only the server streams.
  grpc::ByteBuffer& request() { return request_; }
  Responder& responder() { return responder_; }

  // Tells the client that its call has come, before there is anything to say: so that it is told
  // from one that was only begun (WireGuard). At most once, before all else.
  void SayAccepted() {
    Expect();
    responder_.SendInitialMetadata(&accepted_);
  }
  // Any thread; one of each at a time, none after Finish.
  void Read(grpc::ByteBuffer* message) {
    Expect();
    responder_.Read(message, &read_);
  }
  // Shares the bytes.
  void Write(const grpc::ByteBuffer& message) {
    Expect();
    responder_.Write(message, &written_);
  }
  // Once; any thread, also while a read or a write is under way. This may be gone when it returns.
  void Finish(const grpc::Status& status) { responder_.Finish(status, finished()); }

 private:
  void OnAccepted(bool /*ok*/) { LetGo(); }
  void OnRead(bool ok) {
    reactor().OnReadDone(ok);
    LetGo();
  }
  void OnWritten(bool ok) {
    reactor().OnWriteDone(ok);
    LetGo();
  }

  CompletionOf<StreamServerCall> accepted_{this, &StreamServerCall::OnAccepted};
  CompletionOf<StreamServerCall> read_{this, &StreamServerCall::OnRead};
  CompletionOf<StreamServerCall> written_{this, &StreamServerCall::OnWritten};
  grpc::ByteBuffer request_;
  Responder responder_{&context()};
};

// Takes the calls of one method, one after the other: what comes meanwhile waits in gRPC. Lives
// until its queue has stopped.
template <class Call>
class Acceptor final : public Completion {
 public:
  // Asks gRPC for the next call.
  using Request = std::function<void(Call* call, Completion* came)>;
  using Handler = std::function<void(std::unique_ptr<Call> call)>;

  Acceptor(CallQueue* queue, Request request, Handler handler)
      : queue_(*queue), request_(std::move(request)), handler_(std::move(handler)) {
    queue_.users().Enter();
    Await();
  }

  // Not `ok`: the server stops.
  void OnCompletion(bool ok) override {
    std::unique_ptr<Call> came = std::move(next_);
    if (!ok) return queue_.users().Leave();
    Await();
    Call& call = *came;  // whatever the handler does, until Begun
    call.Begin(&queue_);
    handler_(std::move(came));
    call.Begun();
  }

 private:
  void Await() {
    next_ = std::make_unique<Call>();
    request_(next_.get(), this);
  }

  CallQueue& queue_;
  const Request request_;
  const Handler handler_;
  std::unique_ptr<Call> next_;
};

}  // namespace coordhub::rpc
