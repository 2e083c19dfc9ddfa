#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "coordhub/v1/agent_service.pb.h"
#include "coordhub/v1/convergence_service.pb.h"
#include "coordhub/v1/event.pb.h"
#include "coordhub/v1/operation_service.pb.h"
#include "coordhub/v1/repository.pb.h"
#include "coordhub/v1/ticket_service.pb.h"
#include "hub/core/store_row.h"
#include "hub/core/wait_queue.h"

namespace coordhub::core {

// Who asks. Made by whoever authenticated the call, who says what the caller is; decisions trust
// it. There is no default and nothing is inferred from what is missing: whoever switches over the
// kinds names them all, so that a new one gets no right by omission.
class Caller {
 public:
  enum class Kind {
    // Whoever may read and nothing else.
    kObserver,
    // An agent's session, by its uid. Whether that session still lives is for Decide to say.
    kAgent,
    // The person: everything except holding claims.
    kOperator,
    // A part of the hub.
    kHub,
    // Lines imported from a file.
    kFile,
  };

  static Caller Observer() { return {Kind::kObserver, "observer", ""}; }
  static Caller Session(std::string uid) { return {Kind::kAgent, "", std::move(uid)}; }
  static Caller Operator() { return {Kind::kOperator, "operator", ""}; }
  // `part` as in "sessions", for `hub:sessions`.
  static Caller Hub(const std::string& part) { return {Kind::kHub, "hub:" + part, ""}; }
  // `name` as in "tickets.md", for `file:tickets.md`.
  static Caller File(const std::string& name) { return {Kind::kFile, "file:" + name, ""}; }

  Kind kind() const { return kind_; }
  // What events and request ids are filed under: `operator`, `hub:sessions`, … Empty for a session:
  // Decide takes the agent from the state.
  const std::string& actor() const { return actor_; }
  // Of an agent; else empty.
  const std::string& session_uid() const { return session_uid_; }

 private:
  Caller(Kind kind, std::string actor, std::string session_uid)
      : kind_(kind), actor_(std::move(actor)), session_uid_(std::move(session_uid)) {}

  Kind kind_;
  std::string actor_;
  std::string session_uid_;
};

// RegisterAgentRequest with the uid that a new session would get (random, injected).
struct RegisterAgent {
  v1::RegisterAgentRequest request;
  std::string new_session_uid;
};

// The hub's own commands. Each does nothing (no events) when the state moved on meanwhile.
struct ExpireSession {
  std::string agent_id;
  std::string session_uid;
  absl::Duration silent_for;
};
struct ExpireClaim {
  int64_t ticket_number = 0;
  int64_t fence = 0;
};
// Ends as many sessions as one command may (limits::kEndedPerCommand): to be repeated while any
// lives.
struct EndAllSessions {
  std::string reason;
};

// Lines of a file that others wrote to, as tickets. The file's mark moves in the same commit, so a
// line becomes one ticket however often it is read again.
struct ImportLines {
  // At least one; validated.
  v1::BatchCreateTicketsRequest tickets;
  // Generation of the file.
  std::string file_id;
  // The file's mark as whoever read it knew it (0: none); does nothing when it is another.
  int64_t begin_offset = 0;
  // The mark from now on; beyond `begin_offset`.
  int64_t end_offset = 0;
  // Files that are gone for good: their marks go.
  std::vector<std::string> forgotten_file_ids;
};

// Branches as git has them now, as far as the records say something else; see branch_changes.h.
// What is in the records already makes no event.
struct ObserveBranches {
  // Without owner and mod_revision: those follow from the state. At most
  // limits::kBranchesPerCommand together with `gone`; what is beyond waits for the next look.
  std::vector<v1::Branch> seen;
  // Names; none of them is in `seen`.
  std::vector<std::string> gone;
};

// Finished tickets leave the state: those that did not change since `before`, and the oldest of
// more than `keep_at_most`. Not those that keep others BLOCKED, as far as there are no more than
// limits::kKeptForOthers of them. At most limits::kArchivedPerCommand.
struct ArchiveTickets {
  absl::Time before = absl::InfinitePast();
  int64_t keep_at_most = 0;
};
// Long work begins (hub/operations): its intent, before anything of it is done. Asked for by the
// operator, an agent or a part of the hub, whose it is.
struct BeginOperation {
  v1::Operation::Kind kind = v1::Operation::KIND_UNSPECIFIED;
  // As the kind says.
  std::string subject;
};
// How far it is; of one that runs. The hub's own.
struct NoteOperation {
  std::string operation_id;
  // 0 to 100.
  int percent = 0;
  std::string note;
};
// What became of it, once nothing of it is under way any more; of one that runs. The hub's own.
struct EndOperation {
  std::string operation_id;
  // DONE, FAILED or CANCELLED.
  v1::Operation::State state = v1::Operation::STATE_UNSPECIFIED;
  std::string note;
  // Of a FAILED one.
  std::string error;
};

// What comparing branches with each other found (the radar); see conflict_changes.h. The hub's own.
struct ObserveConflicts {
  // A branch that was compared with the heads of all others, at this head of its own.
  struct Compared {
    std::string branch;
    std::string commit;
  };
  // At most limits::kConflictsPerCommand of all together. `opened`: without owners, open_time and
  // mod_revision; also those whose paths or heads are others now.
  std::vector<v1::Conflict> opened;
  // Pairs that merge now; the lesser name first.
  std::vector<std::pair<std::string, std::string>> cleared;
  std::vector<Compared> compared;
};

// Members of active rounds whose sessions ended longer ago than their round's policy waits are
// dropped. The hub's own.
struct DropLostMembers {};

// The target is about to be moved: from here on, only who looks at it can tell whether it was.
struct IntendIntegration {
  std::string round_id;
  std::string operation_id;
  // What the target is moved to.
  std::string commit;
};
// A ticket whose work is proven to be on a target.
struct IntegratedTicket {
  int64_t number = 0;
  // The commit on the target.
  std::string commit;
};
// How an integration ended, with all that it changed. The hub's own; nothing happens when the round
// is not INTEGRATING by this operation.
struct ConcludeRound {
  struct Member {
    std::string branch;
    v1::RoundMember::State state = v1::RoundMember::STATE_UNSPECIFIED;
    // Of an INTEGRATED one.
    std::string commit;
    // Of one LEFT_OUT.
    std::string reason;
  };
  std::string round_id;
  std::string operation_id;
  // CONVERGED, FAILED, or OPEN: nothing was changed, the round goes on.
  v1::Round::State state = v1::Round::STATE_UNSPECIFIED;
  // The target's head, where it was moved.
  std::string commit;
  std::string reason;
  std::vector<Member> members;
  std::vector<IntegratedTicket> tickets;
};
// Work that reached a target, by whatever way. The hub's own; at most limits::kBatchTickets.
struct MarkIntegrated {
  std::string target;
  std::vector<IntegratedTicket> tickets;
};
// A gate ran on its target. The hub's own.
struct RecordGateRun {
  std::string gate_id;
  std::string operation_id;
  std::string commit;
  bool passed = false;
  // Of a failure, for people, one line.
  std::string note;
};

using CommandBody =
    std::variant<RegisterAgent, v1::DeregisterAgentRequest, v1::CreateTicketRequest,
                 v1::BatchCreateTicketsRequest, v1::UpdateTicketRequest, v1::ClaimTicketRequest,
                 v1::ClaimNextTicketRequest, v1::ReleaseTicketRequest, v1::CompleteTicketRequest,
                 v1::FailTicketRequest, v1::CancelTicketRequest, v1::ReopenTicketRequest,
                 v1::AddCommentRequest, ExpireSession, ExpireClaim, EndAllSessions, ImportLines,
                 ObserveBranches, ArchiveTickets, BeginOperation, NoteOperation, EndOperation,
                 v1::CancelOperationRequest, v1::OpenRoundRequest, v1::DeclareReadyRequest,
                 v1::WithdrawReadyRequest, v1::CancelRoundRequest, v1::IntegrateRoundRequest,
                 v1::SetGateRequest, v1::DeleteGateRequest, v1::RunGateRequest, ObserveConflicts,
                 DropLostMembers, IntendIntegration, ConcludeRound, MarkIntegrated, RecordGateRun>;

// One mutation, as it waits for the writer. Its fields were validated (validate.h).
struct Command {
  Caller caller;
  CommandBody body;
  // Empty: not repeatable.
  std::string request_id;
  // Which program of the caller asks, as it names itself: whose window of remembered requests this
  // one is in. Empty: it names none, and shares one with all of its actor that name none.
  std::string client;
  // SHA-256 (raw bytes) of the method and what the request means (request.h); set with request_id.
  std::string fingerprint;
  // What the hub is set to: the `claim_timeout` of a claim that states none. Unset: none.
  std::optional<absl::Duration> claim_timeout_default;
  // Set when it is decided: what text the store has, and what it may have, bytes. No quota: 0.
  int64_t text_bytes = 0;
  int64_t text_quota = 0;
  // About what the request takes while it waits; 0 for the hub's own.
  size_t request_bytes = 0;
};

// What a command does. Revisions, commit_revision and times are set.
struct Decision {
  // Contiguous from state.revision() + 1. Empty: nothing changes.
  std::vector<std::shared_ptr<const v1::Event>> events;
  // What the events change in the store, in their order.
  std::vector<StoreRow> store;
  // ClaimNextTicket found nothing.
  std::optional<v1::NoWork> no_work;
  // The call may wait; then there are no events.
  std::optional<Wait> wait;
  // RegisterAgent resumed a live session.
  bool resumed = false;
};

}  // namespace coordhub::core
