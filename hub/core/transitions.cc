// The ticket's life as a table, and what else must hold between a state and its next event.

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hub/core/invariants.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {
namespace {

// A set of ticket states.
using States = unsigned;
constexpr States In(pb::Ticket::State state) { return 1u << state; }

// Not there yet.
constexpr States kNew = In(pb::Ticket::STATE_UNSPECIFIED);
constexpr States kOpen = In(pb::Ticket::STATE_OPEN);
constexpr States kClaimed = In(pb::Ticket::STATE_CLAIMED);
constexpr States kBlocked = In(pb::Ticket::STATE_BLOCKED);
constexpr States kDone = In(pb::Ticket::STATE_DONE);
constexpr States kFailed = In(pb::Ticket::STATE_FAILED);
constexpr States kCancelled = In(pb::Ticket::STATE_CANCELLED);
constexpr States kBuried = In(pb::Ticket::STATE_BURIED);
// Waiting to be claimed.
constexpr States kQueued = kOpen | kBlocked;
constexpr States kAny = kQueued | kClaimed | kDone | kFailed | kCancelled | kBuried;

enum class Attempt { kStays, kTaken, kGivenBack, kZero };

// What one kind of event does to a ticket.
struct Transition {
  pb::EventKind kind;
  States from;
  States to;
  Attempt attempt = Attempt::kStays;
  // The state is the same before and after.
  bool same_state = false;
};

constexpr Transition kTransitions[] = {
    {pb::EVENT_KIND_TICKET_CREATED, kNew, kQueued, Attempt::kZero},
    {pb::EVENT_KIND_TICKET_UPDATED, kQueued, kQueued},
    {pb::EVENT_KIND_TICKET_UPDATED, kAny & ~kQueued, kAny, Attempt::kStays, /*same_state=*/true},
    {pb::EVENT_KIND_TICKET_CLAIMED, kOpen, kClaimed, Attempt::kTaken},
    {pb::EVENT_KIND_TICKET_RELEASED, kClaimed, kQueued, Attempt::kGivenBack},
    {pb::EVENT_KIND_TICKET_COMPLETED, kClaimed, kDone},
    {pb::EVENT_KIND_TICKET_RETRIED, kClaimed, kQueued},
    {pb::EVENT_KIND_TICKET_FAILED, kClaimed, kFailed},
    {pb::EVENT_KIND_TICKET_BURIED, kClaimed, kBuried},
    {pb::EVENT_KIND_TICKET_CANCELLED, kQueued | kClaimed | kBuried, kCancelled},
    {pb::EVENT_KIND_TICKET_REOPENED, kDone | kFailed | kCancelled | kBuried, kQueued,
     Attempt::kZero},
    {pb::EVENT_KIND_TICKET_CLAIM_LOST, kClaimed, kQueued},
    {pb::EVENT_KIND_TICKET_UNBLOCKED, kBlocked, kOpen},
    {pb::EVENT_KIND_TICKET_BLOCKED, kOpen, kBlocked},
    {pb::EVENT_KIND_TICKET_INTEGRATED, kDone, kDone},
    {pb::EVENT_KIND_COMMENT_ADDED, kAny, kAny, Attempt::kStays, /*same_state=*/true},
};

// The same for agents. Unspecified stands for not there, before and after.
struct AgentTransition {
  pb::EventKind kind;
  unsigned from;
  unsigned to;
};

constexpr unsigned In(pb::Agent::State state) { return 1u << state; }
constexpr unsigned kUnknown = In(pb::Agent::STATE_UNSPECIFIED);
constexpr unsigned kActive = In(pb::Agent::STATE_ACTIVE);
constexpr unsigned kExpired = In(pb::Agent::STATE_EXPIRED);
constexpr unsigned kLeft = In(pb::Agent::STATE_LEFT);

constexpr AgentTransition kAgentTransitions[] = {
    {pb::EVENT_KIND_AGENT_REGISTERED, kUnknown | kExpired | kLeft, kActive},
    {pb::EVENT_KIND_AGENT_RESUMED, kActive, kActive},
    {pb::EVENT_KIND_AGENT_LEFT, kActive, kLeft},
    {pb::EVENT_KIND_AGENT_EXPIRED, kActive, kExpired},
    {pb::EVENT_KIND_AGENT_FORGOTTEN, kExpired | kLeft, kUnknown},
    {pb::EVENT_KIND_WORKSPACE_RESTORED, kActive, kLeft | kExpired},
};

// The same for operations: running, over, or not there.
struct OperationTransition {
  pb::EventKind kind;
  unsigned from;
  unsigned to;
};

constexpr unsigned In(pb::Operation::State state) { return 1u << state; }
constexpr unsigned kNoOperation = In(pb::Operation::STATE_UNSPECIFIED);
constexpr unsigned kRunning = In(pb::Operation::STATE_RUNNING);
constexpr unsigned kOver = In(pb::Operation::STATE_DONE) | In(pb::Operation::STATE_FAILED) |
                           In(pb::Operation::STATE_CANCELLED);

constexpr OperationTransition kOperationTransitions[] = {
    {pb::EVENT_KIND_OPERATION_STARTED, kNoOperation, kRunning},
    {pb::EVENT_KIND_OPERATION_CHANGED, kRunning, kRunning},
    {pb::EVENT_KIND_OPERATION_FINISHED, kRunning, kOver},
    {pb::EVENT_KIND_OPERATIONS_FORGOTTEN, kOver, kNoOperation},
};

// The same for rounds.
struct RoundTransition {
  pb::EventKind kind;
  unsigned from;
  unsigned to;
};

constexpr unsigned In(pb::Round::State state) { return 1u << state; }
constexpr unsigned kNoRound = In(pb::Round::STATE_UNSPECIFIED);
constexpr unsigned kRoundOpen = In(pb::Round::STATE_OPEN);
constexpr unsigned kRoundReady = In(pb::Round::STATE_READY);
constexpr unsigned kIntegrating = In(pb::Round::STATE_INTEGRATING);
constexpr unsigned kConverged = In(pb::Round::STATE_CONVERGED);
constexpr unsigned kRoundFailed = In(pb::Round::STATE_FAILED);
constexpr unsigned kRoundCancelled = In(pb::Round::STATE_CANCELLED);

constexpr RoundTransition kRoundTransitions[] = {
    {pb::EVENT_KIND_ROUND_OPENED, kNoRound, kRoundOpen},
    {pb::EVENT_KIND_ROUND_CHANGED, kRoundOpen, kRoundOpen},
    {pb::EVENT_KIND_ROUND_CHANGED, kRoundReady, kRoundReady},
    {pb::EVENT_KIND_ROUND_CHANGED, kIntegrating, kIntegrating},
    {pb::EVENT_KIND_ROUND_READY, kRoundOpen, kRoundReady},
    {pb::EVENT_KIND_ROUND_REOPENED, kRoundReady | kIntegrating, kRoundOpen},
    {pb::EVENT_KIND_ROUND_INTEGRATING, kRoundReady, kIntegrating},
    {pb::EVENT_KIND_ROUND_CONVERGED, kIntegrating, kConverged},
    {pb::EVENT_KIND_ROUND_FAILED, kIntegrating | kRoundOpen | kRoundReady, kRoundFailed},
    {pb::EVENT_KIND_ROUND_CANCELLED, kRoundOpen | kRoundReady, kRoundCancelled},
    {pb::EVENT_KIND_ROUNDS_FORGOTTEN, kConverged | kRoundFailed | kRoundCancelled, kNoRound},
};

bool SameLabels(const pb::RecordFacets& facets,
                const google::protobuf::RepeatedPtrField<std::string>& labels) {
  return std::equal(facets.labels().begin(), facets.labels().end(), labels.begin(), labels.end());
}

int32_t AttemptAfter(Attempt rule, int32_t before) {
  switch (rule) {
    case Attempt::kStays:
      return before;
    case Attempt::kTaken:
      return before + 1;
    case Attempt::kGivenBack:
      return before - 1;
    case Attempt::kZero:
      return 0;
  }
  return before;
}

class TransitionCheck {
 public:
  TransitionCheck(const State& before, const pb::Event& event) : before_(before), event_(event) {}

  std::vector<std::string> Run() && {
    Expect(event_.revision() == before_.revision() + 1, "is not the next after ",
           before_.revision());
    Expect(event_.commit_revision() >= event_.revision(), "has commit_revision ",
           event_.commit_revision());
    Expect(FromProto(event_.event_time()) >= before_.last_event_time(), "goes back in time");
    Expect(!event_.actor().empty(), "has no actor");
    for (const pb::RecordChange& change : event_.changes()) {
      if (change.has_ticket()) CheckTicket(change);
      if (change.has_agent()) CheckAgent(change);
      if (change.has_comment()) CheckComment(change.comment());
      if (change.has_branch()) CheckBranch(change);
      if (change.has_operation()) CheckOperation(change);
      if (change.has_round()) CheckRound(change);
      Expect(!change.erased() || change.has_agent() || change.has_branch() || change.has_ticket() ||
                 change.has_operation() || change.has_round() || change.has_conflict() ||
                 change.has_gate(),
             "erases what is never erased");
    }
    return std::move(broken_);
  }

 private:
  template <class... Parts>
  void Expect(bool holds, const Parts&... parts) {
    if (holds) return;
    broken_.push_back(absl::StrCat("event ", event_.revision(), " ",
                                   pb::EventKind_Name(event_.kind()), " ", parts...));
  }

  void CheckTicket(const pb::RecordChange& change) {
    const pb::Ticket& after = change.ticket();
    const pb::Ticket* before = before_.FindTicket(TicketNumber(after.ticket_id()));
    if (change.erased()) return CheckArchived(before, change);
    CheckTicketTransition(before, after);
    CheckFence(before, after);
    Expect(after.mod_revision() == event_.revision(), "gives ", after.ticket_id(), " mod_revision ",
           after.mod_revision());
    Expect(change.has_previous() == (before != nullptr), "tells a new ", after.ticket_id(),
           " from a known one wrongly");
    if (before == nullptr) {
      Expect(after.create_revision() == event_.revision(), "makes ", after.ticket_id(), " at ",
             after.create_revision());
      Expect(TicketNumber(after.ticket_id()) > before_.last_ticket_number(), "uses ",
             after.ticket_id(), " again");
      return;
    }
    Expect(after.create_revision() == before->create_revision() &&
               after.creator() == before->creator(),
           "changes where ", after.ticket_id(), " comes from");
    const pb::RecordFacets& previous = change.previous();
    Expect(previous.ticket_state() == before->state() && SameLabels(previous, before->labels()) &&
               previous.holder_agent_id() == before->claim().agent_id() &&
               previous.assignee_agent_id() == before->assignee_agent_id(),
           "says wrongly what ", after.ticket_id(), " was before");
  }

  void CheckArchived(const pb::Ticket* before, const pb::RecordChange& change) {
    Expect(event_.kind() == pb::EVENT_KIND_TICKETS_ARCHIVED, "may not archive ",
           change.ticket().ticket_id());
    Expect(before != nullptr && IsFinished(before->state()), "archives ",
           change.ticket().ticket_id(), ", which is not finished");
    Expect(before != nullptr && change.has_previous() &&
               change.previous().ticket_state() == before->state(),
           "says wrongly what ", change.ticket().ticket_id(), " was before");
  }

  void CheckTicketTransition(const pb::Ticket* before, const pb::Ticket& after) {
    const States from = before == nullptr ? kNew : In(before->state());
    const int32_t attempt = before == nullptr ? 0 : before->attempt();
    const auto allows = [&](const Transition& rule) {
      return rule.kind == event_.kind() && (rule.from & from) != 0 &&
             (rule.to & In(after.state())) != 0 &&
             (!rule.same_state || from == In(after.state())) &&
             AttemptAfter(rule.attempt, attempt) == after.attempt();
    };
    Expect(std::any_of(std::begin(kTransitions), std::end(kTransitions), allows), "may not move ",
           after.ticket_id(), " from ",
           before == nullptr ? "nothing" : pb::Ticket::State_Name(before->state()), " attempt ",
           attempt, " to ", pb::Ticket::State_Name(after.state()), " attempt ", after.attempt());
  }

  void CheckFence(const pb::Ticket* before, const pb::Ticket& after) {
    const int64_t last_fence = before == nullptr ? 0 : before->last_fence();
    if (event_.kind() == pb::EVENT_KIND_TICKET_CLAIMED) {
      Expect(after.claim().fence() == event_.revision() &&
                 after.last_fence() == event_.revision() && event_.revision() > last_fence,
             "grants ", after.ticket_id(), " with fence ", after.claim().fence(), ", last ",
             after.last_fence());
      return;
    }
    Expect(after.last_fence() == last_fence, "changes the last fence of ", after.ticket_id(),
           " to ", after.last_fence());
    if (!after.has_claim()) return;
    Expect(before != nullptr &&
               before->claim().SerializeAsString() == after.claim().SerializeAsString(),
           "changes the claim of ", after.ticket_id());
  }

  void CheckAgent(const pb::RecordChange& change) {
    const pb::Agent& after = change.agent();
    const pb::Agent* before = before_.FindAgent(after.agent_id());
    const unsigned from = before == nullptr ? kUnknown : In(before->state());
    const unsigned to = change.erased() ? kUnknown : In(after.state());
    const auto allows = [&](const AgentTransition& rule) {
      return rule.kind == event_.kind() && (rule.from & from) != 0 && (rule.to & to) != 0;
    };
    Expect(std::any_of(std::begin(kAgentTransitions), std::end(kAgentTransitions), allows),
           "may not move ", after.agent_id(), " from ", from, " to ", to);
    Expect(change.has_previous() == (before != nullptr), "tells a new ", after.agent_id(),
           " from a known one wrongly");
    if (before != nullptr) {
      Expect(change.previous().agent_state() == before->state() &&
                 SameLabels(change.previous(), before->labels()),
             "says wrongly what ", after.agent_id(), " was before");
    }
    if (!change.erased()) CheckSession(before, after);
  }

  void CheckSession(const pb::Agent* before, const pb::Agent& after) {
    Expect(after.mod_revision() == event_.revision(), "gives ", after.agent_id(), " mod_revision ",
           after.mod_revision());
    if (event_.kind() == pb::EVENT_KIND_AGENT_REGISTERED) {
      Expect(after.fence() == event_.revision() &&
                 before_.FindSession(after.session_uid()) == nullptr &&
                 (before == nullptr || before->session_uid() != after.session_uid()),
             "begins a session of ", after.agent_id(), " that is not new");
    } else if (before != nullptr) {
      Expect(after.fence() == before->fence() && after.session_uid() == before->session_uid(),
             "changes the session of ", after.agent_id());
    }
  }

  void CheckBranch(const pb::RecordChange& change) {
    const pb::Branch& after = change.branch();
    const pb::Branch* before = before_.records().FindBranch(after.branch());
    Expect(event_.kind() ==
                   (change.erased() ? pb::EVENT_KIND_BRANCH_GONE : pb::EVENT_KIND_BRANCH_MOVED) ||
               (event_.kind() == pb::EVENT_KIND_CONFLICTS_CHANGED && !change.erased()),
           "may not change branch ", after.branch());
    Expect(!change.erased() || before != nullptr, "erases branch ", after.branch(),
           ", which is unknown");
    Expect(
        change.has_previous() == (before != nullptr) &&
            (before == nullptr || change.previous().holder_agent_id() == before->owner_agent_id()),
        "says wrongly what branch ", after.branch(), " was before");
    if (change.erased()) return;
    Expect(after.mod_revision() == event_.revision(), "gives branch ", after.branch(),
           " mod_revision ", after.mod_revision());
    Expect(after.owner_agent_id() == before_.OwnerOfBranch(after.branch()), "gives branch ",
           after.branch(), " to ", after.owner_agent_id());
  }

  void CheckOperation(const pb::RecordChange& change) {
    const pb::Operation& after = change.operation();
    const auto& known = before_.records().of<tables::Operations>();
    const int64_t number = tables::Operations::KeyOf(after);
    const auto* before = before_.records().Find<tables::Operations>(number);
    const unsigned from = before == nullptr ? kNoOperation : In(before->state());
    const unsigned to = change.erased() ? kNoOperation : In(after.state());
    const auto allows = [&](const OperationTransition& rule) {
      return rule.kind == event_.kind() && (rule.from & from) != 0 && (rule.to & to) != 0;
    };
    Expect(std::any_of(std::begin(kOperationTransitions), std::end(kOperationTransitions), allows),
           "may not move ", after.operation_id(), " from ", from, " to ", to);
    Expect(before != nullptr || known.empty() || number > known.Last().key(), "uses ",
           after.operation_id(), " again");
    if (before == nullptr || change.erased()) return;
    Expect(before->kind() == after.kind() && before->actor() == after.actor() &&
               before->subject() == after.subject(),
           "changes what ", after.operation_id(), " is");
  }

  void CheckRound(const pb::RecordChange& change) {
    const pb::Round& after = change.round();
    const auto& known = before_.records().of<tables::Rounds>();
    const int64_t number = tables::Rounds::KeyOf(after);
    const auto* before = before_.records().Find<tables::Rounds>(number);
    const unsigned from = before == nullptr ? kNoRound : In(before->state());
    const unsigned to = change.erased() ? kNoRound : In(after.state());
    const auto allows = [&](const RoundTransition& rule) {
      return rule.kind == event_.kind() && (rule.from & from) != 0 && (rule.to & to) != 0;
    };
    Expect(std::any_of(std::begin(kRoundTransitions), std::end(kRoundTransitions), allows),
           "may not move ", after.round_id(), " from ", from, " to ", to);
    Expect(before != nullptr || known.empty() || number > known.Last().key(), "uses ",
           after.round_id(), " again");
    if (before == nullptr || change.erased()) return;
    const auto same_branch = [](const pb::RoundMember& a, const pb::RoundMember& b) {
      return a.branch() == b.branch() && a.agent_id() == b.agent_id();
    };
    Expect(before->target() == after.target() &&
               std::equal(before->members().begin(), before->members().end(),
                          after.members().begin(), after.members().end(), same_branch),
           "changes what ", after.round_id(), " is about");
  }

  void CheckComment(const pb::Comment& comment) {
    const int64_t number = TicketNumber(comment.ticket_id());
    const pb::Ticket* ticket = before_.FindTicket(number);
    Expect(ticket != nullptr && comment.number() == ticket->comment_count() + 1, "adds comment ",
           comment.number(), " to ", comment.ticket_id(), " out of order");
    Expect(comment.create_revision() == event_.revision(), "makes a comment at ",
           comment.create_revision());
  }

  const State& before_;
  const pb::Event& event_;
  std::vector<std::string> broken_;
};

}  // namespace

std::vector<std::string> BrokenTransition(const State& before, const v1::Event& event) {
  return TransitionCheck(before, event).Run();
}

}  // namespace coordhub::core
