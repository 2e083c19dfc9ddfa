// One MutateTickets stream.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/base/clock.h"
#include "agent/base/mutex.h"
#include "grpcpp/support/byte_buffer.h"
#include "hub/rpc/gate.h"
#include "hub/rpc/mutation_kinds.h"
#include "hub/rpc/server_call.h"
#include "hub/rpc/service_host.h"
#include "hub/rpc/stream.h"

namespace coordhub::rpc {

// Hands mutations to the engine as they come and writes their results in the same order. What is
// ready while a write is out goes in one message with what else is: the encoded results joined are
// the encoded message. Bounded: it reads on only while fewer than kMaxUnanswered mutations, and
// fewer than kMaxUnansweredBytes of them and of unsent results, are open.
//
// Lifetime: holds itself from Start to OnDone; after that, as long as the engine works on a
// mutation of it. Lock order: `mu_` is held while nothing else is called.
class MutationStream final : public CallReactor,
                             public Stream,
                             public std::enable_shared_from_this<MutationStream> {
 public:
  static constexpr size_t kMaxUnanswered = 1'024;
  static constexpr size_t kMaxUnansweredBytes = 1 << 20;
  static constexpr int kMaxMutations = 500;  // of one message
  // A message of results is closed at this size.
  static constexpr size_t kMessageBytes = 256 << 10;

  // `gate` and `kinds` are valid until OnDone.
  static void Start(std::shared_ptr<ServiceHost> host, const Gate* gate, const MutationKinds* kinds,
                    std::unique_ptr<StreamServerCall> call, const Principal& principal);

  // CallReactor
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Stream
  void OnTimer() override {}
  void OnDrain(const engine::Workspace* workspace) override;
  void OnAgentEnded() override {}  // each mutation is asked whose it is
  void OnAgentResumed() override {}
  void OnClaimEnded(const std::string&, int64_t, std::optional<Loss>) override {}
  void OnEventsMissed() override {}

 private:
  enum class Action { kNothing, kRead, kWrite, kFinish };
  struct Step {
    Action action = Action::kNothing;
    absl::Status status;  // kFinish
  };
  // A mutation's result, encoded as a field of the response; empty until it is there.
  struct Slot {
    std::string result;
    size_t request_bytes = 0;
  };

  MutationStream(std::shared_ptr<ServiceHost> host, const Gate* gate, const MutationKinds* kinds,
                 std::unique_ptr<StreamServerCall> call, Principal principal);

  // Handles the message that was read, and goes on.
  void Handle() ABSL_LOCKS_EXCLUDED(mu_);
  // Submits what a message carries. Errors end the stream.
  absl::Status HandleRequest(const grpc::ByteBuffer& bytes) ABSL_LOCKS_EXCLUDED(mu_);
  void RunMutation(v1::TicketMutation* mutation, int64_t number, base::MonoTime began);
  // Makes room for a result; gives its number.
  int64_t OpenSlot(size_t request_bytes) ABSL_LOCKS_EXCLUDED(mu_);
  void FillSlot(int64_t number, const v1::TicketMutationResult& result) ABSL_LOCKS_EXCLUDED(mu_);
  void Log(const absl::Status& status, base::MonoTime began) const;

  // Decides on the next action under `mu_` and performs it outside, until there is none.
  void Pump() ABSL_LOCKS_EXCLUDED(mu_);
  Step Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Step Start(Action action) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Step FinishWith(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether there are results to write; takes them into `message_`.
  bool TakeResults() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::shared_ptr<ServiceHost> host_;
  const Gate& gate_;
  const MutationKinds& kinds_;
  const std::unique_ptr<StreamServerCall> call_;
  const Principal principal_;
  const base::MonoTime deadline_;
  std::shared_ptr<MutationStream> self_;

  grpc::ByteBuffer request_;  // gRPC's while reading_
  grpc::ByteBuffer message_;  // gRPC's while writing_

  base::Mutex mu_;
  // In order of the mutations; the first has the number first_.
  std::deque<Slot> slots_ ABSL_GUARDED_BY(mu_);
  int64_t first_ ABSL_GUARDED_BY(mu_) = 0;
  // Of the slots: of the mutations without a result and of the results that were not sent.
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  // A message is being handled, on a thread of gRPC's or, a large one, that for reads.
  bool handling_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  // Reads and writes that were decided on and may not have been started yet: nothing may be
  // started after Finish.
  int starting_ ABSL_GUARDED_BY(mu_) = 0;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
  bool client_closed_ ABSL_GUARDED_BY(mu_) = false;
  // Not OK: nothing more is read, and the stream ends so once what was read has its results.
  absl::Status end_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::rpc
