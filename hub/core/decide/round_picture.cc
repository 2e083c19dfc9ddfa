#include "hub/core/decide/round_picture.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "agent/base/mutant.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

constexpr size_t kShortCommit = 12;

std::string Short(const std::string& commit) { return commit.substr(0, kShortCommit); }

// A member whose work is still to be brought along.
bool TakesPart(const pb::RoundMember& member) {
  return member.state() != pb::RoundMember::STATE_DROPPED &&
         member.state() != pb::RoundMember::STATE_LEFT_OUT;
}

// One round being looked at. Lives for one call.
class Picture {
 public:
  Picture(const Draft& draft, pb::Round* round) : draft_(draft), round_(*round) {
    for (int i = 0; i < round_.members_size(); ++i) {
      if (TakesPart(round_.members(i))) places_[round_.members(i).branch()] = i;
    }
  }

  void Refresh() {
    LookAtTarget();
    for (pb::RoundMember& member : *round_.mutable_members()) {
      if (TakesPart(member)) LookAtMember(member);
    }
    if (!round_.policy().leave_out_conflicting()) LookAtConflicts();
    LookAtTickets();
    SetBlockers();
  }

 private:
  pb::RoundBlocker& Block(pb::RoundBlocker::Kind kind, const std::string& agent_id,
                          const std::string& branch, std::string action) {
    pb::RoundBlocker& blocker = blockers_.emplace_back();
    blocker.set_kind(kind);
    blocker.set_agent_id(agent_id);
    blocker.set_branch(branch);
    blocker.set_action(std::move(action));
    return blocker;
  }

  void LookAtTarget() {
    const pb::Branch* target = draft_.FindBranch(round_.target());
    if (target == nullptr) {
      Block(pb::RoundBlocker::KIND_BRANCH_GONE, "", round_.target(),
            absl::StrCat("the target ", round_.target(),
                         " was not seen: in a moment it is, or it does not exist: make it, or "
                         "cancel"));
    } else {
      if (round_.target_commit().empty()) round_.set_target_commit(target->commit());
      if (!IsCompared(*target)) BlockUnknown("", *target);
    }
    const auto& gates = draft_.state().records().of<tables::Gates>();
    for (auto known = gates.Begin(); known.Valid(); known.Next()) {
      const pb::Gate* gate = draft_.Find<tables::Gates>(known.key());
      if (gate == nullptr || gate->target() != round_.target() ||
          gate->verdict() != pb::Gate::VERDICT_RED) {
        continue;
      }
      const pb::Ticket* incident = draft_.FindTicket(TicketNumber(gate->incident_ticket_id()));
      pb::RoundBlocker& blocker =
          Block(pb::RoundBlocker::KIND_TARGET_RED,
                incident == nullptr ? std::string() : incident->claim().agent_id(), round_.target(),
                absl::StrCat("gate ", gate->gate_id(), " fails on ", round_.target(), " at ",
                             Short(gate->commit()), ": mend it"));
      blocker.set_ticket_id(gate->incident_ticket_id());
    }
  }

  void LookAtMember(pb::RoundMember& member) {
    const pb::Branch* branch = draft_.FindBranch(member.branch());
    const bool ready = branch != nullptr && !member.ready_commit().empty() &&
                       branch->commit() == member.ready_commit();
    member.set_state(ready ? pb::RoundMember::STATE_READY : pb::RoundMember::STATE_WORKING);
    if (branch == nullptr) {
      Block(pb::RoundBlocker::KIND_BRANCH_GONE, member.agent_id(), member.branch(),
            absl::StrCat("the branch ", member.branch(), " is not there: make it again"));
    } else {
      LookAtReadiness(member, *branch);
      if (round_.policy().require_clean_worktrees() && branch->uncommitted()) {
        Block(pb::RoundBlocker::KIND_WORKTREE_DIRTY, member.agent_id(), member.branch(),
              absl::StrCat("commit or discard what is uncommitted in the worktree of ",
                           member.branch()));
      }
      if (!IsCompared(*branch)) BlockUnknown(member.agent_id(), *branch);
    }
    LookAtSession(member, ready);
    if (round_.policy().require_tickets_done()) LookAtHeldTickets(member);
  }

  void LookAtReadiness(const pb::RoundMember& member, const pb::Branch& branch) {
    if (base::MutantActive("readiness_never_stale") && !member.ready_commit().empty()) return;
    if (member.ready_commit().empty()) {
      Block(pb::RoundBlocker::KIND_NOT_READY, member.agent_id(), member.branch(),
            absl::StrCat("declare ", member.branch(), " ready"));
    } else if (branch.commit() != member.ready_commit()) {
      Block(pb::RoundBlocker::KIND_BRANCH_MOVED, member.agent_id(), member.branch(),
            absl::StrCat(member.branch(), " was ready at ", Short(member.ready_commit()),
                         " and is at ", Short(branch.commit()), ": declare it ready again"));
    }
  }

  // A member that left by itself has said all that it had to say, once its branch is ready.
  void LookAtSession(pb::RoundMember& member, bool ready) {
    member.clear_lost_time();
    if (member.agent_id().empty()) return;
    const pb::Agent* agent = draft_.FindAgent(member.agent_id());
    if (agent != nullptr && IsLive(*agent)) return;
    if (agent != nullptr && agent->state() == pb::Agent::STATE_LEFT && ready) return;
    *member.mutable_lost_time() = agent != nullptr ? agent->end_time() : ToProto(draft_.time());
    Block(pb::RoundBlocker::KIND_MEMBER_GONE, member.agent_id(), member.branch(),
          absl::StrCat("the session of ", member.agent_id(),
                       " has ended: register it again, or open a round without it"));
  }

  void BlockUnknown(const std::string& agent_id, const pb::Branch& branch) {
    if (base::MutantActive("unknown_merges_pass")) return;
    Block(pb::RoundBlocker::KIND_MERGE_UNKNOWN, agent_id, branch.branch(),
          absl::StrCat(branch.branch(), " at ", Short(branch.commit()),
                       " is yet to be compared with the others: wait"));
  }

  void BlockTicket(const std::string& agent_id, const std::string& branch,
                   const std::string& ticket_id) {
    pb::RoundBlocker& blocker = Block(pb::RoundBlocker::KIND_TICKET_OPEN, agent_id, branch,
                                      absl::StrCat("finish ", ticket_id));
    blocker.set_ticket_id(ticket_id);
  }

  void LookAtHeldTickets(const pb::RoundMember& member) {
    if (member.agent_id().empty()) return;
    std::vector<int64_t> numbers;
    const auto& held = draft_.state().records().tickets_by_holder;
    for (auto ticket = held.LowerBound(std::pair(member.agent_id(), int64_t{0}));
         ticket.Valid() && ticket.key().first == member.agent_id(); ticket.Next()) {
      numbers.push_back(ticket.key().second);
    }
    for (const int64_t number : draft_.Touched<tables::Tickets>()) numbers.push_back(number);
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    for (const int64_t number : numbers) {
      const pb::Ticket* ticket = draft_.FindTicket(number);
      if (ticket == nullptr || ticket->claim().agent_id() != member.agent_id()) continue;
      BlockTicket(member.agent_id(), member.branch(), ticket->ticket_id());
    }
  }

  void LookAtTickets() {
    for (const std::string& ticket_id : round_.tickets().ticket_ids()) {
      const pb::Ticket* ticket = draft_.FindTicket(TicketNumber(ticket_id));
      // One that is archived has been finished.
      if (ticket == nullptr || IsFinished(ticket->state())) continue;
      BlockTicket(ticket->claim().agent_id(), "", ticket_id);
    }
  }

  // The member at which a branch stands in this round; the target; or nothing.
  bool Concerns(const std::string& branch) const {
    return branch == round_.target() || places_.contains(branch);
  }
  const std::string& AgentOf(const std::string& branch) const {
    static const std::string& nobody = *new std::string;
    const auto place = places_.find(branch);
    return place == places_.end() ? nobody : round_.members(place->second).agent_id();
  }

  void LookAtConflicts() {
    std::map<std::pair<std::string, std::string>, const pb::Conflict*> found;
    const auto& all = draft_.state().records().conflicts_by_branch;
    for (const auto& [branch, place] : places_) {
      for (auto conflict = all.LowerBound(std::pair(branch, std::string()));
           conflict.Valid() && conflict.key().first == branch; conflict.Next()) {
        if (!Concerns(conflict.key().second)) continue;
        const auto key = tables::Conflicts::KeyOf(*conflict);
        found[key] = draft_.Find<tables::Conflicts>(key);
      }
    }
    for (const auto& key : draft_.Touched<tables::Conflicts>()) {
      const bool within = Concerns(key.first) && Concerns(key.second);
      if (within) found[key] = draft_.Find<tables::Conflicts>(key);
    }
    for (const auto& [key, conflict] : found) {
      if (conflict != nullptr) BlockConflict(*conflict);
    }
  }

  // The target stays as it is; of two members, the one that comes later in the order of names has
  // to follow the other.
  void BlockConflict(const pb::Conflict& conflict) {
    const bool b_is_target = conflict.branch_b() == round_.target();
    const std::string& mover = b_is_target ? conflict.branch_a() : conflict.branch_b();
    const std::string& other = b_is_target ? conflict.branch_b() : conflict.branch_a();
    const bool unknown = !conflict.problem().empty();
    pb::RoundBlocker& blocker = Block(
        unknown ? pb::RoundBlocker::KIND_MERGE_UNKNOWN : pb::RoundBlocker::KIND_CONFLICT,
        AgentOf(mover), mover,
        unknown ? absl::StrCat("whether ", mover, " merges with ", other,
                               " cannot be told: ", conflict.problem())
                : absl::StrCat("merge ", other, " into ", mover, " and resolve the conflict"));
    blocker.set_other_branch(other);
    *blocker.mutable_paths() = conflict.paths();
  }

  void SetBlockers() {
    using Key = std::tuple<int, std::string, std::string, std::string, std::string>;
    const auto key_of = [](const pb::RoundBlocker& blocker) {
      return Key(blocker.kind(), blocker.agent_id(), blocker.branch(), blocker.other_branch(),
                 blocker.ticket_id());
    };
    std::map<Key, google::protobuf::Timestamp> since;
    for (const pb::RoundBlocker& blocker : round_.blockers()) {
      since.emplace(key_of(blocker), blocker.since_time());
    }
    round_.set_blocker_count(static_cast<int32_t>(blockers_.size()));
    if (blockers_.size() > limits::kRoundBlockers) blockers_.resize(limits::kRoundBlockers);
    round_.clear_blockers();
    for (pb::RoundBlocker& blocker : blockers_) {
      const auto known = since.find(key_of(blocker));
      *blocker.mutable_since_time() = known != since.end() ? known->second : ToProto(draft_.time());
      *round_.add_blockers() = std::move(blocker);
    }
  }

  const Draft& draft_;
  pb::Round& round_;
  // Members that take part, by their branches.
  std::map<std::string, int> places_;
  std::vector<pb::RoundBlocker> blockers_;
};

// ---- which rounds a draft concerns ----

class Concerned {
 public:
  explicit Concerned(const Draft& draft) : draft_(draft), records_(draft.state().records()) {}

  // By number.
  std::vector<int64_t> Find() {
    for (const int64_t number : draft_.Touched<tables::Rounds>()) numbers_.push_back(number);
    if (!records_.active_rounds.empty()) {
      AddByBranches();
      for (const std::string& id : draft_.Touched<tables::Agents>()) Add(Subject::kAgent, id);
      AddByTickets();
      if (!draft_.Touched<tables::Gates>().empty()) AddAll();
    }
    std::sort(numbers_.begin(), numbers_.end());
    numbers_.erase(std::unique(numbers_.begin(), numbers_.end()), numbers_.end());
    return std::move(numbers_);
  }

 private:
  using Subject = RoundLists::Subject;

  void AddAll() {
    for (auto round = records_.active_rounds.Begin(); round.Valid(); round.Next()) {
      numbers_.push_back(round.key());
    }
  }

  void Add(Subject subject, const std::string& id) {
    const auto& all = records_.rounds_by_subject;
    for (auto round = all.LowerBound(std::tuple(subject, id, int64_t{0}));
         round.Valid() && std::get<0>(round.key()) == subject && std::get<1>(round.key()) == id;
         round.Next()) {
      numbers_.push_back(std::get<2>(round.key()));
    }
  }

  void AddBranch(const std::string& branch) {
    Add(Subject::kBranch, branch);
    for (auto round = records_.active_rounds.Begin(); round.Valid(); round.Next()) {
      if (round->target() == branch) numbers_.push_back(round.key());
    }
  }

  void AddByBranches() {
    for (const std::string& branch : draft_.Touched<tables::Branches>()) AddBranch(branch);
    for (const auto& [a, b] : draft_.Touched<tables::Conflicts>()) {
      AddBranch(a);
      AddBranch(b);
    }
  }

  // The ticket of a gate whose target is red; whoever holds it is the one who must act.
  bool IsIncident(const std::string& ticket_id) const {
    const auto& gates = records_.of<tables::Gates>();
    for (auto gate = gates.Begin(); gate.Valid(); gate.Next()) {
      if (gate->incident_ticket_id() == ticket_id) return true;
    }
    return false;
  }

  void AddByTickets() {
    for (const int64_t number : draft_.Touched<tables::Tickets>()) {
      const pb::Ticket* before = draft_.state().FindTicket(number);
      const pb::Ticket* after = draft_.FindTicket(number);
      for (const pb::Ticket* ticket : {before, after}) {
        if (ticket == nullptr) continue;
        Add(Subject::kTicket, ticket->ticket_id());
        if (IsIncident(ticket->ticket_id())) AddAll();
        if (ticket->has_claim()) Add(Subject::kAgent, ticket->claim().agent_id());
      }
    }
  }

  const Draft& draft_;
  const Records& records_;
  std::vector<int64_t> numbers_;
};

// Whether two pictures of a round say the same; revisions are not asked.
bool SaysTheSame(const pb::Round& a, const pb::Round& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

void BringUpToDate(Draft& draft, int64_t number) {
  const pb::Round* known = draft.Find<tables::Rounds>(number);
  if (known == nullptr || !IsActive(*known) || known->state() == pb::Round::STATE_INTEGRATING) {
    return;
  }
  pb::Round round = *known;
  RefreshRound(draft, &round);
  const bool blocked = round.blocker_count() > 0;
  if (blocked && round.state() == pb::Round::STATE_READY) {
    round.set_state(pb::Round::STATE_OPEN);
    draft.Put(draft.Add(pb::EVENT_KIND_ROUND_REOPENED), std::move(round));
  } else if (!blocked && round.state() == pb::Round::STATE_OPEN) {
    round.set_state(pb::Round::STATE_READY);
    draft.Put(draft.Add(pb::EVENT_KIND_ROUND_READY), std::move(round));
  } else if (!SaysTheSame(*known, round)) {
    draft.Put(draft.Add(pb::EVENT_KIND_ROUND_CHANGED), std::move(round));
  }
}

}  // namespace

bool IsCompared(const pb::Branch& branch) { return branch.compared_commit() == branch.commit(); }

void RefreshRound(const Draft& draft, pb::Round* round) { Picture(draft, round).Refresh(); }

void BringRoundsUpToDate(Draft& draft) {
  for (const int64_t number : Concerned(draft).Find()) BringUpToDate(draft, number);
}

}  // namespace coordhub::core
