// What hub/core and the model must agree about after each command.

#include <algorithm>
#include <set>

#include "hub/core/proto_time.h"
#include "tests/core/model/world.h"

namespace coordhub::model {
namespace {

// What both show of a ticket, in one text.
std::string Show(const v1::Ticket& ticket, const std::string& body) {
  std::string text = absl::StrCat(
      v1::Ticket::State_Name(ticket.state()), " '", ticket.title(), "' body '", body, "' p",
      ticket.priority(), " attempt ", ticket.attempt(), "/", ticket.max_attempts(), " by ",
      ticket.creator(), " for '", ticket.assignee_agent_id(), "' parent ",
      NumberOf(ticket.parent_ticket_id()), " comments ", ticket.comment_count(), " held by '",
      ticket.claim().agent_id(), "' in '", ticket.claim().session_uid(), "' fence ",
      ticket.claim().fence(), " last ", ticket.last_fence(), " not before ");
  absl::StrAppend(
      &text, ticket.has_not_before() ? absl::ToUnixNanos(core::FromProto(ticket.not_before())) : -1,
      " rests ", absl::FormatDuration(core::FromProto(ticket.backoff())), " labels");
  for (const std::string& label : ticket.labels()) absl::StrAppend(&text, " ", label);
  std::set<std::pair<int64_t, int>> dependencies;
  for (const v1::Dependency& dependency : ticket.dependencies()) {
    dependencies.emplace(NumberOf(dependency.ticket_id()), dependency.until());
  }
  for (const auto& [number, until] : dependencies)
    absl::StrAppend(&text, " on ", number, "@", until);
  return text;
}

std::string Show(const Ticket& ticket, v1::Ticket::State state) {
  std::string text = absl::StrCat(
      v1::Ticket::State_Name(state), " '", ticket.title, "' body '", ticket.body, "' p",
      ticket.priority, " attempt ", ticket.attempt, "/", ticket.max_attempts, " by ",
      ticket.creator, " for '", ticket.assignee, "' parent ", ticket.parent, " comments ",
      ticket.comments, " held by '", ticket.holder, "' in '", ticket.session_uid, "' fence ",
      ticket.fence, " last ", ticket.last_fence, " not before ");
  absl::StrAppend(&text, ticket.not_before.has_value() ? absl::ToUnixNanos(*ticket.not_before) : -1,
                  " rests ", absl::FormatDuration(ticket.backoff.value_or(absl::ZeroDuration())),
                  " labels");
  for (const std::string& label : ticket.labels) absl::StrAppend(&text, " ", label);
  for (const auto& [number, until] : ticket.dependencies) {
    absl::StrAppend(&text, " on ", number, "@", static_cast<int>(until));
  }
  return text;
}

bool SameOutcome(const v1::Ticket& ticket, const std::optional<Outcome>& expected) {
  if (ticket.has_outcome() != expected.has_value()) return false;
  const v1::Outcome& outcome = ticket.outcome();
  return !expected.has_value() ||
         (outcome.actor() == expected->actor && outcome.commit() == expected->commit &&
          outcome.summary() == expected->summary &&
          outcome.reason() == expected->reason.value_or(outcome.reason()));
}

}  // namespace

bool World::Compare() {
  if (!Expect(state_->records().of<core::tables::Tickets>().size() == model_.tickets.size(),
              "there are ", state_->records().of<core::tables::Tickets>().size(), " tickets, not ",
              model_.tickets.size())) {
    return false;
  }
  for (const auto& [number, ticket] : model_.tickets) {
    if (!CompareTicket(number) || !CompareEdges(number)) return false;
  }
  return CompareArchived() && CompareAgents() && CompareOperations() && CompareNewlyReady() &&
         CompareReady();
}

bool World::CompareArchived() {
  if (archived_compared_ == model_.archived.size()) return true;
  archived_compared_ = model_.archived.size();
  for (const auto& [number, state] : model_.archived) {
    v1::Ticket kept;
    if (!Expect(state_->records().IsArchived(number), "T-", number, " is not archived") ||
        !Expect(kept.ParseFromString(store_[{core::StoreRow::Space::kTicket, {number}}]) &&
                    NumberOf(kept.ticket_id()) == number && kept.state() == state,
                "T-", number, " is not in the archive as it was")) {
      return false;
    }
  }
  return Expect(state_->records().archived_tickets == static_cast<int64_t>(model_.archived.size()),
                state_->records().archived_tickets, " tickets are archived");
}

bool World::CompareTicket(int64_t number) {
  const v1::Ticket* actual = state_->FindTicket(number);
  if (!Expect(actual != nullptr, "T-", number, " is missing")) return false;
  const Ticket& expected = model_.tickets.at(number);
  std::pair<int64_t, Ticket> compared(actual->mod_revision(), expected);
  if (compared_[number] == compared) return true;
  v1::TicketBody body;
  body.ParseFromString(store_[{core::StoreRow::Space::kText, {number}}]);
  const std::string shown = Show(*actual, body.text());
  const std::string wanted = Show(expected, expected.settled_state);
  compared_[number] = std::move(compared);
  return Expect(shown == wanted, "T-", number, " is  ", shown, "\n  should be ", wanted) &&
         Expect(SameOutcome(*actual, expected.outcome), "T-", number, " has another outcome");
}

bool World::CompareEdges(int64_t number) {
  const v1::Ticket& ticket = *state_->FindTicket(number);
  std::set<int64_t> blockers;
  for (const v1::Blocker& blocker : core::BlockersOf(state_->records(), ticket)) {
    const int64_t other = NumberOf(blocker.ticket_id());
    blockers.insert(other);
    if (model_.archived.contains(other)) continue;
    if (!Expect(blocker.state() == model_.tickets.at(other).settled_state, "T-", number,
                " shows a wrong state of ", blocker.ticket_id())) {
      return false;
    }
  }
  if (ticket.state() != v1::Ticket::STATE_BLOCKED) {
    return Expect(blockers.empty(), "T-", number, " shows blockers but is not BLOCKED");
  }
  return Expect(blockers == model_.BlockersOf(number), "T-", number, " shows wrong blockers");
}

bool World::CompareAgents() {
  if (!Expect(state_->agent_count() == model_.agents.size(), "there are ", state_->agent_count(),
              " agents")) {
    return false;
  }
  for (const auto& [id, expected] : model_.agents) {
    const v1::Agent* actual = state_->FindAgent(id);
    if (!Expect(actual != nullptr && actual->state() == expected.state &&
                    actual->session_uid() == expected.session_uid &&
                    actual->parent_agent_id() == expected.parent &&
                    actual->branch() == expected.branch &&
                    actual->ttl().seconds() == expected.ttl_seconds,
                id, " is missing, or another")) {
      return false;
    }
  }
  return true;
}

bool World::CompareOperations() {
  const auto& known = state_->records().of<core::tables::Operations>();
  if (!Expect(known.size() == model_.operations.size(), "there are ", known.size(), " operations"))
    return false;
  for (const auto& [number, expected] : model_.operations) {
    const auto* found = known.Find(number);
    if (!Expect(found != nullptr && (*found)->state() == expected.state &&
                    (*found)->kind() == expected.kind && (*found)->actor() == expected.actor &&
                    (*found)->percent() == expected.percent,
                "O-", number, " is missing, or another")) {
      return false;
    }
  }
  return true;
}

bool World::CompareBranches() {
  const auto& records = state_->records();
  if (!Expect(records.of<core::tables::Branches>().size() == git_.size(), "there are ",
              records.of<core::tables::Branches>().size(), " branches"))
    return false;
  for (const auto& [name, commit] : git_) {
    // Whoever of those that work on it began first.
    std::string owner;
    for (const auto& [id, agent] : model_.agents) {
      if (agent.state != v1::Agent::STATE_ACTIVE || agent.branch != name) continue;
      if (owner.empty() || state_->FindAgent(id)->fence() < state_->FindAgent(owner)->fence())
        owner = id;
    }
    const v1::Branch* branch = records.FindBranch(name);
    if (!Expect(branch != nullptr && branch->commit() == commit, name, " is not at ", commit) ||
        !Expect(branch->owner_agent_id() == owner, name, " belongs to ", branch->owner_agent_id(),
                ", not ", owner))
      return false;
  }
  return true;
}

bool World::CompareReady() {
  for (const auto& [number, ticket] : model_.tickets) {
    const bool expected = model_.IsReady(number);
    if (!Expect(state_->ready().IsReady(number) == expected, "T-", number,
                expected ? " is not ready" : " is ready")) {
      return false;
    }
  }
  core::ClaimSelector selector;
  selector.agent_id = dice_.Pick(AgentIds());
  std::set<std::string> labels;
  for (const std::string& label : LabelPool()) {
    if (dice_.Chance(20)) labels.insert(label);
  }
  selector.labels = {labels.begin(), labels.end()};
  if (dice_.Chance(30)) selector.max_priority = dice_.Roll(5);
  const std::vector<int64_t> ready =
      model_.ReadyFor(selector.agent_id, labels, selector.max_priority);
  const int64_t expected = ready.empty() ? 0 : ready.front();
  const int64_t actual = state_->ready().First(selector).value_or(0);
  return Expect(actual == expected, "gives out T-", actual, ", not T-", expected);
}

bool World::CompareNewlyReady() {
  const std::vector<int64_t> newly = state_->TakeNewlyReady();
  const std::set<int64_t> ready = model_.Ready();
  const auto before = [&](int64_t a, int64_t b) {
    const auto key = [&](int64_t n) { return std::pair(model_.tickets.at(n).priority, n); };
    return key(a) < key(b);
  };
  if (!Expect(std::is_sorted(newly.begin(), newly.end(), before), "newly ready out of order")) {
    return false;
  }
  const std::set<int64_t> told(newly.begin(), newly.end());
  for (const int64_t number : ready) {
    if (!Expect(was_ready_.contains(number) || told.contains(number), "T-", number,
                " became ready and nobody was told")) {
      return false;
    }
  }
  was_ready_ = ready;
  return Expect(std::includes(ready.begin(), ready.end(), told.begin(), told.end()),
                "tells of tickets that are not ready");
}

bool World::CompareDigest(core::State& other, const std::string& what) {
  return Expect(core::Digest(*other.MakeView()) == core::Digest(*state_->MakeView()), what,
                " has another digest");
}

std::unique_ptr<core::State> World::Replay() const {
  auto replayed = std::make_unique<core::State>();
  for (const core::LoggedEvent& entry : log_) {
    replayed->Evolve(entry.event, entry.private_bytes.get(), base::Now());
  }
  replayed->AnchorDelays(now_);
  return replayed;
}

std::unique_ptr<core::State> World::Reload() const {
  const auto view = state_->MakeView();
  auto loaded = std::make_unique<core::State>();
  core::ForEachSnapshotRecord(*view, [&](const core::jpb::SnapshotRecord& record) {
    loaded->LoadRecord(std::make_shared<const core::jpb::SnapshotRecord>(record));
    return true;
  });
  loaded->FinishLoad(core::MakeSnapshotHeader(*view), now_);
  return loaded;
}

bool World::Finish() {
  doing_ = "the end";
  return CompareDigest(*Replay(), "a replay of the log") &&
         CompareDigest(*Reload(), "a snapshot of the end");
}

}  // namespace coordhub::model
