// The rules of tickets and sessions, written a second time: as simply as possible, with scans and
// copies, and without a line of hub/core. What both agree on is what the rules say.

#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "coordhub/v1/agent_service.pb.h"
#include "coordhub/v1/error.pb.h"
#include "coordhub/v1/operation_service.pb.h"
#include "coordhub/v1/ticket_service.pb.h"

namespace coordhub::model {

// Every reason for which a command may be refused; the hub names one of them. Empty: it is done.
using Refusals = std::set<v1::ErrorReason>;

enum class Kind { kObserver, kOperator, kSession, kHub, kFile };

struct Who {
  Kind kind = Kind::kObserver;
  // Of callers that are no session.
  std::string actor = "operator";
  std::string session_uid;
};

struct Agent {
  v1::Agent::State state = v1::Agent::STATE_ACTIVE;
  std::string session_uid;
  std::string parent;
  std::string branch;
  int64_t ttl_seconds = 60;
};

struct Outcome {
  std::string actor;
  // Nothing: in the hub's own words.
  std::optional<std::string> reason;
  std::string commit;
  std::string summary;
  bool operator==(const Outcome&) const = default;
};

struct Ticket {
  // OPEN stands for BLOCKED as well.
  v1::Ticket::State state = v1::Ticket::STATE_OPEN;
  std::string title;
  std::string body;
  int priority = 2;
  std::set<std::string> labels;
  // Until when each is waited for.
  std::map<int64_t, v1::Dependency::Until> dependencies;
  // 0: none.
  int64_t parent = 0;
  std::string assignee;
  std::optional<absl::Time> not_before;
  std::optional<absl::Duration> backoff;
  int attempt = 0;
  int max_attempts = 5;
  std::string creator;
  int comments = 0;
  std::optional<Outcome> outcome;

  // Set while CLAIMED.
  std::string holder;
  std::string session_uid;
  int64_t fence = 0;
  int64_t last_fence = 0;

  // When it has rested for `backoff`.
  base::MonoTime rested;
  // What Settle saw after the last command (BLOCKED told from OPEN); since then, if it is OPEN,
  // whether its `not_before` has come and whether it became ready. Both stay, whatever the clocks
  // do.
  v1::Ticket::State settled_state = v1::Ticket::STATE_UNSPECIFIED;
  std::optional<absl::Time> settled_not_before;
  std::optional<absl::Duration> settled_backoff;
  bool time_has_come = false;
  bool was_ready = false;

  bool operator==(const Ticket&) const = default;
};

// The fence of a claim before the hub has said it.
inline constexpr int64_t kFenceUnknown = -1;

struct NoWork {
  int64_t blocked = 0;
  int64_t held = 0;
  int64_t filtered = 0;
  int64_t delayed = 0;
  bool operator==(const NoWork&) const = default;
};

struct Answer {
  Refusals refusals;
  // ClaimTicket and ClaimNextTicket: which ticket was claimed; 0: none.
  int64_t claimed = 0;
  std::optional<NoWork> no_work;
  bool resumed = false;
};

struct Request {
  std::string request_id;
  std::string fingerprint;
  int64_t first_revision = 0;
  int64_t commit_revision = 0;
};

struct Operation {
  std::string actor;
  v1::Operation::Kind kind = v1::Operation::KIND_UNSPECIFIED;
  v1::Operation::State state = v1::Operation::STATE_RUNNING;
  int percent = 0;
};

// A value: copying it is how commands are tried out.
class Model {
 public:
  base::Now now;
  std::map<int64_t, Ticket> tickets;
  std::map<std::string, Agent> agents;
  // How those ended that are archived.
  std::map<int64_t, v1::Ticket::State> archived;
  std::map<int64_t, Operation> operations;
  int64_t last_operation = 0;
  // Those that are kept, in the order in which they ended.
  std::deque<int64_t> ended_operations;

  Answer Do(const Who& who, const v1::RegisterAgentRequest& request, const std::string& new_uid);
  Answer Do(const Who& who, const v1::DeregisterAgentRequest& request);
  Answer Do(const Who& who, const v1::CreateTicketRequest& request);
  Answer Do(const Who& who, const v1::BatchCreateTicketsRequest& request);
  // `stale`: expected_revision is given and is not the ticket's.
  Answer Do(const Who& who, const v1::UpdateTicketRequest& request, bool stale);
  Answer Do(const Who& who, const v1::ClaimTicketRequest& request);
  Answer Do(const Who& who, const v1::ClaimNextTicketRequest& request);
  Answer Do(const Who& who, const v1::ReleaseTicketRequest& request);
  Answer Do(const Who& who, const v1::CompleteTicketRequest& request);
  Answer Do(const Who& who, const v1::FailTicketRequest& request);
  Answer Do(const Who& who, const v1::CancelTicketRequest& request);
  Answer Do(const Who& who, const v1::ReopenTicketRequest& request);
  Answer Do(const Who& who, const v1::AddCommentRequest& request);
  Answer BeginOperation(const Who& who, v1::Operation::Kind kind);
  Answer NoteOperation(const Who& who, int64_t number, int percent);
  Answer EndOperation(const Who& who, int64_t number, v1::Operation::State state);
  Answer Do(const Who& who, const v1::CancelOperationRequest& request);
  void ExpireSession(const std::string& agent_id, const std::string& session_uid);
  void ExpireClaim(int64_t number, int64_t fence);
  void EndAllSessions();
  // Of the finished tickets, given in the order of their last change, as many as are too many; not
  // those that others wait for. Returns them.
  std::vector<int64_t> Archive(const std::vector<int64_t>& finished, int64_t keep_at_most);

  // Unmet dependencies and unfinished children.
  std::set<int64_t> BlockersOf(int64_t number) const;
  bool IsReady(int64_t number) const;
  // Ready tickets for an agent, in the order in which it would get them.
  std::vector<int64_t> ReadyFor(const std::string& agent_id, const std::set<std::string>& labels,
                                std::optional<int> max_priority) const;
  // Ready tickets, whoever may have them.
  std::set<int64_t> Ready() const;

  // Notes the state of every ticket, and of those that became OPEN or got another not_before from
  // when on they are ready. After each command, and when time passed.
  void Settle();
  // The hub was started anew: what is delayed counts from the present wall clock.
  void Restart();

  // What requests are remembered under; empty: nothing.
  std::string ActorOf(const Who& who) const;

 private:
  // The live agent that calls; empty: the caller is none.
  std::string SelfId(const Who& who) const;
  bool Owns(const Who& who, const Ticket& ticket) const;
  // Why a ticket that is not among `tickets` cannot be had.
  v1::ErrorReason Missing(int64_t number) const;
  // Nothing, or why this caller may not even try.
  Refusals Gate(const Who& who, bool makes_tickets) const;
  int RunningOperations() const;
  // Why the caller does not hold the ticket under this fence.
  Refusals ClaimRefusals(const Who& who, int64_t number, int64_t fence) const;
  Refusals SpecRefusals(const v1::TicketSpec& spec,
                        const std::map<std::string, int64_t>& local_ids) const;
  // Of the whole: cycles and depth.
  Refusals EdgeRefusals() const;

  int64_t MakeTicket(const Who& who, const v1::TicketSpec& spec, int64_t number,
                     const std::map<std::string, int64_t>& local_ids);
  void SetField(Ticket& ticket, const std::string& field, const v1::TicketSpec& spec,
                const std::map<std::string, int64_t>& local_ids);
  void Grant(Ticket& ticket, const std::string& agent_id);
  void GiveBack(Ticket& ticket);
  // The attempt counts. `delay`: back-off.
  void EndAttempt(Ticket& ticket, absl::Duration delay, std::optional<std::string> reason);
  void Lose(Ticket& ticket);
  void Unclaim(Ticket& ticket, v1::Ticket::State state);
  void EndAgent(const std::string& agent_id, v1::Agent::State state, bool give_back);
  // OPEN and BLOCKED told apart.
  v1::Ticket::State StateOf(int64_t number) const;
  bool HasCycle() const;
  // Every ticket that this one waits for, directly.
  std::set<int64_t> WaitsFor(int64_t number) const;
};

// The windows of remembered requests.
class Requests {
 public:
  // Null when it is not remembered.
  const Request* Find(const std::string& actor, const std::string& request_id) const;
  void Remember(const std::string& actor, Request request);

 private:
  std::map<std::string, std::deque<Request>> windows_;
};

// 17 for "T-17"; 0 for "" and for what is no id.
int64_t NumberOf(const std::string& ticket_id);
// DONE, FAILED, CANCELLED.
bool Finished(v1::Ticket::State state);
// Everything but holding claims.
bool Trusted(const Who& who);
Answer Refuse(Refusals refusals);

}  // namespace coordhub::model
