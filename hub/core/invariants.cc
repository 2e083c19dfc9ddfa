#include "hub/core/invariants.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hub/core/decide/round_picture.h"
#include "hub/core/draft.h"
#include "hub/core/limits.h"

namespace coordhub::core {

// One check of a state; sees its indexes. Lives for one call.
class StateInvariants {
 public:
  StateInvariants(const State& state, bool at_commit_boundary)
      : state_(state), records_(state.records()), at_commit_boundary_(at_commit_boundary) {}

  std::vector<std::string> Run() && {
    for (auto c = records_.of<tables::Tickets>().Begin(); c.Valid(); c.Next())
      CheckTicket(c.key(), *c);
    for (auto c = records_.of<tables::Agents>().Begin(); c.Valid(); c.Next())
      CheckAgent(c.key(), *c);
    CheckTexts();
    CheckCycles();
    CheckDerivedMaps();
    CheckDependents();
    CheckArchived();
    CheckFinished();
    CheckAgentIndexes();
    CheckRequests();
    CheckImportMarks();
    CheckBranches();
    CheckOperations();
    CheckConflicts();
    CheckRounds();
    CheckReadyQueue();
    CheckTrees();
    return std::move(broken_);
  }

 private:
  template <class... Parts>
  void Expect(bool holds, const Parts&... parts) {
    if (!holds) broken_.push_back(absl::StrCat(parts...));
  }

  void CheckTicket(int64_t number, const pb::Ticket& ticket) {
    const std::string& id = ticket.ticket_id();
    Expect(TicketNumber(id) == number, id, " is kept under ", number);
    Expect(number <= state_.last_ticket_number(), id, " is beyond the last number ",
           state_.last_ticket_number());
    Expect(ticket.state() > 0 && ticket.state() < pb::Ticket::State_ARRAYSIZE, id, " has no state");
    Expect(ticket.create_revision() > 0 && ticket.create_revision() <= ticket.mod_revision() &&
               ticket.mod_revision() <= state_.revision(),
           id, " has revisions ", ticket.create_revision(), ", ", ticket.mod_revision());
    Expect(ticket.priority() >= 0 && ticket.priority() <= limits::kPriorityMax, id,
           " has priority ", ticket.priority());
    CheckLabels(id, ticket.labels());
    CheckAttempts(ticket);
    CheckClaim(ticket);
    CheckEdges(number, ticket);
  }

  template <class Labels>
  void CheckLabels(const std::string& id, const Labels& labels) {
    Expect(labels.size() <= limits::kLabels, id, " has ", labels.size(), " labels");
    // Sorted, and none twice.
    Expect(std::adjacent_find(labels.begin(), labels.end(), std::greater_equal<>()) == labels.end(),
           id, " has unsorted or repeated labels");
  }

  void CheckAttempts(const pb::Ticket& ticket) {
    const std::string& id = ticket.ticket_id();
    Expect(ticket.attempt() >= 0 && ticket.attempt() <= ticket.max_attempts(), id, " has attempt ",
           ticket.attempt(), " of ", ticket.max_attempts());
    Expect(ticket.max_attempts() >= 1 && ticket.max_attempts() <= limits::kMaxAttemptsMax, id,
           " has max_attempts ", ticket.max_attempts());
    const bool waits =
        ticket.state() == pb::Ticket::STATE_OPEN || ticket.state() == pb::Ticket::STATE_BLOCKED;
    Expect(!waits || ticket.attempt() < ticket.max_attempts(), id,
           " waits with all attempts used up");
    Expect(ticket.state() != pb::Ticket::STATE_CLAIMED || ticket.attempt() >= 1, id,
           " is CLAIMED in no attempt");
  }

  void CheckClaim(const pb::Ticket& ticket) {
    const std::string& id = ticket.ticket_id();
    Expect((ticket.state() == pb::Ticket::STATE_CLAIMED) == ticket.has_claim(), id, " is ",
           pb::Ticket::State_Name(ticket.state()), ticket.has_claim() ? " with" : " without",
           " a claim");
    Expect(ticket.last_fence() <= ticket.mod_revision(), id,
           " has a fence from the future: ", ticket.last_fence());
    if (!ticket.has_claim()) return;
    const pb::Claim& claim = ticket.claim();
    Expect(claim.fence() == ticket.last_fence() && claim.fence() > ticket.create_revision(), id,
           " has claim fence ", claim.fence(), ", last fence ", ticket.last_fence());
    if (!at_commit_boundary_) return;
    const pb::Agent* holder = state_.FindAgent(claim.agent_id());
    Expect(holder != nullptr && IsLive(*holder) && holder->session_uid() == claim.session_uid(), id,
           " is held by a session that does not live: ", claim.agent_id());
  }

  bool IsKnown(int64_t number) const {
    return state_.FindTicket(number) != nullptr || records_.IsArchived(number);
  }

  void CheckEdges(int64_t number, const pb::Ticket& ticket) {
    const std::string& id = ticket.ticket_id();
    std::set<std::string> seen;
    for (const pb::Dependency& dependency : ticket.dependencies()) {
      Expect(seen.insert(dependency.ticket_id()).second, id, " depends twice on ",
             dependency.ticket_id());
      Expect(IsKnown(TicketNumber(dependency.ticket_id())) || !at_commit_boundary_, id,
             " depends on ", dependency.ticket_id(), ", which does not exist");
      children_and_dependencies_[number].push_back(TicketNumber(dependency.ticket_id()));
    }
    Expect(ticket.dependencies_size() <= limits::kDependencies, id, " has too many dependencies");
    if (!ticket.parent_ticket_id().empty()) {
      const int64_t parent = TicketNumber(ticket.parent_ticket_id());
      Expect(IsKnown(parent) || !at_commit_boundary_, id, " has parent ", ticket.parent_ticket_id(),
             ", which does not exist");
      children_and_dependencies_[parent].push_back(number);
    }
    if (!at_commit_boundary_) return;
    const bool blocked = !UnmetEdgesOf(records_, ticket, 1).empty();
    Expect(ticket.state() != pb::Ticket::STATE_OPEN || !blocked, id, " is OPEN but blocked");
    Expect(ticket.state() != pb::Ticket::STATE_BLOCKED || blocked, id, " is BLOCKED by nothing");
  }

  // What tickets say of their texts, which are in the store.
  void CheckTexts() {
    for (auto c = records_.of<tables::Tickets>().Begin(); c.Valid(); c.Next()) {
      Expect(c->body_bytes() >= 0 && (c->has_body() || c->body_bytes() == 0), c->ticket_id(),
             " has ", c->body_bytes(), " bytes of no body");
      Expect(c->comment_count() >= 0 && c->comment_count() <= limits::kCommentsPerTicket &&
                 c->comment_bytes() >= 0 && (c->comment_count() > 0 || c->comment_bytes() == 0),
             c->ticket_id(), " has ", c->comment_count(), " comments of ", c->comment_bytes(),
             " bytes");
    }
    Expect(records_.of<tables::Bodies>().size() + records_.of<tables::Comments>().size() == 0,
           "texts are in memory");
  }

  // A number is that of a ticket or of an archived one, never of both.
  void CheckArchived() {
    int64_t count = 0;
    for (auto c = records_.of<tables::Archived>().Begin(); c.Valid(); c.Next()) {
      Expect(c->block() == c.key(), "archived tickets are kept under ", c.key());
      for (int64_t i = 0; i < tables::Archived::kNumbers; ++i) {
        const int64_t number = c.key() * tables::Archived::kNumbers + i;
        const bool archived = tables::Archived::Has(c->archived(), number);
        count += archived ? 1 : 0;
        Expect(!archived || (state_.FindTicket(number) == nullptr && number > 0 &&
                             number <= state_.last_ticket_number()),
               TicketId(number), " is archived and is not");
        Expect(archived || (!tables::Archived::Has(c->done(), number) &&
                            !tables::Archived::Has(c->integrated(), number)),
               TicketId(number), " is not archived, but known as if it were");
      }
    }
    Expect(count == records_.archived_tickets, records_.archived_tickets,
           " tickets are counted as archived, which are ", count);
  }

  void CheckFinished() {
    FinishedIndex::Order expected;
    for (auto c = records_.of<tables::Tickets>().Begin(); c.Valid(); c.Next()) {
      if (IsFinished(c->state())) expected.emplace(c->mod_revision(), c.key());
    }
    Expect(state_.finished() == expected, "the index of finished tickets is wrong");
  }

  // No ticket waits for itself, over dependencies and children: one walk, each ticket entered once.
  void CheckCycles() {
    enum class Mark { kOnPath, kDone };
    std::map<int64_t, Mark> marks;
    for (const auto& [start, unused] : children_and_dependencies_) {
      // (ticket, next edge to follow).
      std::vector<std::pair<int64_t, size_t>> path;
      if (marks.emplace(start, Mark::kOnPath).second) path.emplace_back(start, 0);
      while (!path.empty()) {
        const int64_t number = path.back().first;
        const auto edges = children_and_dependencies_.find(number);
        if (edges == children_and_dependencies_.end() ||
            path.back().second == edges->second.size()) {
          marks[number] = Mark::kDone;
          path.pop_back();
          continue;
        }
        const int64_t next = edges->second[path.back().second++];
        const auto [mark, is_new] = marks.emplace(next, Mark::kOnPath);
        if (is_new) path.emplace_back(next, 0);
        Expect(is_new || mark->second == Mark::kDone, "a cycle leads through ", TicketId(next),
               " and ", TicketId(number));
      }
    }
  }

  void CheckAgent(const std::string& key, const pb::Agent& agent) {
    const std::string& id = agent.agent_id();
    Expect(id == key, id, " is kept under ", key);
    const bool ended =
        agent.state() == pb::Agent::STATE_EXPIRED || agent.state() == pb::Agent::STATE_LEFT;
    Expect(IsLive(agent) || ended, id, " has state ", pb::Agent::State_Name(agent.state()));
    Expect(ended == agent.has_end_time(), id,
           ended ? " ended at no time" : " lives with an end_time");
    Expect(agent.create_revision() > 0 && agent.create_revision() <= agent.fence() &&
               agent.fence() <= agent.mod_revision() && agent.mod_revision() <= state_.revision(),
           id, " has revisions ", agent.create_revision(), ", fence ", agent.fence(), ", ",
           agent.mod_revision());
    Expect(!agent.session_uid().empty(), id, " has no session_uid");
    CheckLabels(id, agent.labels());
    if (!at_commit_boundary_) return;
    if (ended) {
      const auto held = records_.tickets_by_holder.LowerBound(std::pair(id, int64_t{0}));
      Expect(!held.Valid() || held.key().first != id, id, " ended but holds a ticket");
      const auto reserved =
          records_.reservations_by_holder.LowerBound(std::pair(id, std::string()));
      Expect(!reserved.Valid() || reserved.key().first != id, id, " ended but holds a reservation");
    } else if (!agent.parent_agent_id().empty()) {
      const pb::Agent* parent = state_.FindAgent(agent.parent_agent_id());
      Expect(parent != nullptr && IsLive(*parent), id, " lives though its parent ended");
    }
  }

  void CheckDerivedMaps() {
    std::array<int64_t, pb::Ticket::State_ARRAYSIZE> counts{};
    size_t held = 0;
    std::map<std::string, int> held_by;
    size_t children = 0;
    size_t unfinished_children = 0;
    const auto same = [](const auto* found, const auto& record) {
      return found != nullptr && *found == record;
    };
    for (auto c = records_.of<tables::Tickets>().Begin(); c.Valid(); c.Next()) {
      ++counts[c->state()];
      Expect(same(records_.tickets_by_state.Find(std::pair<int, int64_t>(c->state(), c.key())),
                  c.value()),
             c->ticket_id(), " is not listed under its state");
      if (c->has_claim()) {
        ++held;
        ++held_by[c->claim().agent_id()];
        Expect(same(records_.tickets_by_holder.Find(std::pair(c->claim().agent_id(), c.key())),
                    c.value()),
               c->ticket_id(), " is not listed under its holder");
      }
      if (!c->parent_ticket_id().empty()) {
        ++children;
        Expect(same(records_.tickets_by_parent.Find(
                        std::pair(TicketNumber(c->parent_ticket_id()), c.key())),
                    c.value()),
               c->ticket_id(), " is not listed under its parent");
      }
      if (!c->parent_ticket_id().empty() && !IsFinished(c->state())) {
        ++unfinished_children;
        Expect(same(records_.unfinished_children.Find(
                        std::pair(TicketNumber(c->parent_ticket_id()), c.key())),
                    c.value()),
               c->ticket_id(), " is not listed as what keeps its parent blocked");
      }
    }
    Expect(held_by == state_.claims_.All(), "the counts of tickets held are wrong");
    Expect(counts == records_.ticket_counts,
           "ticket counts are wrong: ", absl::StrJoin(records_.ticket_counts, " "), " should be ",
           absl::StrJoin(counts, " "));
    Expect(records_.tickets_by_state.size() == records_.of<tables::Tickets>().size(),
           "tickets_by_state has too many entries");
    Expect(records_.tickets_by_holder.size() == held, "tickets_by_holder has too many entries");
    Expect(records_.tickets_by_parent.size() == children, "tickets_by_parent has too many entries");
    Expect(records_.unfinished_children.size() == unfinished_children,
           "unfinished_children has too many entries");
  }

  void CheckDependents() {
    std::map<int64_t, DependentsIndex::Dependents> expected;
    for (auto c = records_.of<tables::Tickets>().Begin(); c.Valid(); c.Next()) {
      for (const pb::Dependency& dependency : c->dependencies()) {
        DependentsIndex::Dependents& dependents = expected[TicketNumber(dependency.ticket_id())];
        (IsFinished(c->state()) ? dependents.finished : dependents.unfinished).insert(c.key());
      }
    }
    Expect(state_.dependents_.All() == expected, "the index of dependents is wrong");
  }

  void CheckAgentIndexes() {
    std::map<std::string, std::string> by_session;
    std::set<std::pair<std::string, std::string>> sub_agents;
    std::set<std::tuple<std::string, int64_t, std::string>> by_branch;
    std::set<std::tuple<std::string, int64_t, std::string>> by_worktree;
    std::set<std::pair<int64_t, std::string>> ended;
    Expect(records_.agents_by_session.size() == records_.of<tables::Agents>().size(),
           "agents_by_session has another number of agents");
    for (auto c = records_.of<tables::Agents>().Begin(); c.Valid(); c.Next()) {
      Expect(records_.FindSessionEver(c->session_uid()) == &*c, c.key(),
             " is not found by its session");
      if (!IsLive(*c)) {
        ended.emplace(c->mod_revision(), c.key());
        continue;
      }
      Expect(by_session.emplace(c->session_uid(), c.key()).second, "two agents share session ",
             c->session_uid());
      if (!c->parent_agent_id().empty()) sub_agents.emplace(c->parent_agent_id(), c.key());
      if (!c->branch().empty()) by_branch.emplace(c->branch(), c->fence(), c.key());
      const std::string_view worktree = WithoutTrailingSlashes(c->worktree());
      if (!worktree.empty()) by_worktree.emplace(worktree, c->fence(), c.key());
    }
    const AgentsIndex& index = state_.agents_;
    Expect(by_session == index.sessions(), "the index of sessions is wrong");
    Expect(sub_agents == std::set(index.sub_agents().begin(), index.sub_agents().end()),
           "the index of sub-agents is wrong");
    Expect(by_branch == std::set(index.by_branch().begin(), index.by_branch().end()),
           "the index of agents by branch is wrong");
    Expect(by_worktree == std::set(index.by_worktree().begin(), index.by_worktree().end()),
           "the index of agents by worktree is wrong");
    Expect(ended == std::set(index.ended().begin(), index.ended().end()),
           "the index of ended agents is wrong");
    Expect(records_.of<tables::Agents>().size() <= static_cast<size_t>(limits::kAgents) ||
               !at_commit_boundary_,
           "too many agents");
  }

  void CheckRequests() {
    std::map<std::string, int> counts;
    int64_t bytes = 0;
    for (auto c = records_.of<tables::Requests>().Begin(); c.Valid(); c.Next()) {
      const auto& [window, commit_revision] = c.key();
      const std::string& actor = c->key().actor();
      const std::string& request_id = c->key().request_id();
      ++counts[window];
      bytes += tables::Requests::BytesOf(*c);
      Expect(tables::Requests::WindowOf(actor, c->key().client()) == window &&
                 c->commit_revision() == commit_revision && c->first_revision() > 0 &&
                 c->first_revision() <= commit_revision &&
                 (commit_revision <= state_.revision() || !at_commit_boundary_),
             "request ", request_id, " of ", actor, " has revisions ", c->first_revision(), " to ",
             c->commit_revision());
      Expect(state_.FindRequest(actor, c->key().client(), request_id) == &*c, "request ",
             request_id, " of ", actor, " is not indexed");
    }
    Expect(state_.requests_.size() == records_.of<tables::Requests>().size(),
           "the index of requests has too many entries");
    Expect(counts == state_.requests_.counts(), "requests are miscounted");
    Expect(bytes == records_.remembered_bytes, "remembered bytes are ", records_.remembered_bytes,
           " and should be ", bytes);
    for (const auto& [window, count] : counts) {
      Expect(count <= limits::kRememberedPerClient, window, " has ", count, " remembered requests");
    }
  }

  void CheckImportMarks() {
    for (auto c = records_.of<tables::ImportMarks>().Begin(); c.Valid(); c.Next()) {
      Expect(!c.key().empty() && c->file_id() == c.key() && c->end_offset() > 0,
             "the mark of the imported file ", c.key(), " is that of ", c->file_id(), " at ",
             c->end_offset());
    }
  }

  void CheckBranches() {
    for (auto c = records_.of<tables::Branches>().Begin(); c.Valid(); c.Next()) {
      Expect(!c.key().empty() && c->branch() == c.key() && !c->commit().empty(), "branch ", c.key(),
             " is kept as ", c->branch(), " at commit '", c->commit(), "'");
      Expect(c->mod_revision() > 0 && c->mod_revision() <= state_.revision(), "branch ", c.key(),
             " changed at ", c->mod_revision());
    }
    Expect(records_.of<tables::Branches>().size() <= limits::kBranches, "too many branches");
  }

  void CheckOperations() {
    int running = 0;
    int ended = 0;
    for (auto c = records_.of<tables::Operations>().Begin(); c.Valid(); c.Next()) {
      const bool runs = c->state() == pb::Operation::STATE_RUNNING;
      ++(runs ? running : ended);
      Expect(c.key() > 0 && c->mod_revision() <= state_.revision() && !c->actor().empty(),
             c->operation_id(), " is kept under ", c.key(), ", changed at ", c->mod_revision());
      Expect(runs != c->has_end_time() && c->percent() >= 0 && c->percent() <= 100,
             c->operation_id(), " is ", pb::Operation::State_Name(c->state()), " at ", c->percent(),
             runs ? " percent, with its end" : " percent, without its end");
    }
    Expect(running <= limits::kRunningOperations, running, " operations are under way");
    Expect(ended <= limits::kEndedOperations || !at_commit_boundary_, ended,
           " operations that ended are kept");
  }

  void CheckConflicts() {
    for (auto c = records_.of<tables::Conflicts>().Begin(); c.Valid(); c.Next()) {
      const auto& [a, b] = c.key();
      Expect(a < b, a, " and ", b, " are not in order");
      for (const auto& key : {std::pair(a, b), std::pair(b, a)}) {
        const auto* listed = records_.conflicts_by_branch.Find(key);
        Expect(listed != nullptr && *listed == c.value(), a, " and ", b,
               " are not listed under both");
      }
    }
    Expect(records_.conflicts_by_branch.size() == 2 * records_.of<tables::Conflicts>().size(),
           "conflicts are listed that are not there");
  }

  void CheckRounds() {
    std::map<std::string, std::string> round_of;
    size_t active = 0;
    size_t subjects = 0;
    for (auto c = records_.of<tables::Rounds>().Begin(); c.Valid(); c.Next()) {
      const std::string& id = c->round_id();
      Expect(IsActive(*c) != c->has_end_time(), id, " is ", pb::Round::State_Name(c->state()),
             c->has_end_time() ? " with" : " without", " an end");
      const bool counted =
          c->state() == pb::Round::STATE_OPEN || c->state() == pb::Round::STATE_READY;
      if (counted && at_commit_boundary_) CheckPicture(*c);
      Expect(counted || c->blocker_count() == 0, id, " has blockers, and nobody waits for it");
      const auto* listed = records_.active_rounds.Find(c.key());
      Expect(IsActive(*c) == (listed != nullptr && *listed == c.value()), id,
             " is listed wrongly among the active ones");
      if (!IsActive(*c)) continue;
      ++active;
      subjects += SubjectsOf(*c);
      for (const pb::RoundMember& member : c->members()) {
        const auto [other, is_new] = round_of.try_emplace(member.branch(), id);
        Expect(is_new, member.branch(), " is in ", id, " and in ", other->second);
        Expect(member.branch() != c->target(), id, " has its target as a member");
      }
    }
    Expect(active == records_.active_rounds.size() && active <= limits::kActiveRounds, active,
           " rounds are active, ", records_.active_rounds.size(), " are listed");
    Expect(subjects == records_.rounds_by_subject.size(), "rounds are listed under ",
           records_.rounds_by_subject.size(), " subjects, not ", subjects);
  }

  static size_t SubjectsOf(const pb::Round& round) {
    std::set<std::pair<int, std::string>> subjects;
    for (const pb::RoundMember& member : round.members()) {
      subjects.emplace(0, member.branch());
      if (!member.agent_id().empty()) subjects.emplace(1, member.agent_id());
    }
    for (const std::string& ticket_id : round.tickets().ticket_ids()) {
      subjects.emplace(2, ticket_id);
    }
    return subjects.size();
  }

  // What is recorded is what follows from the other records.
  void CheckPicture(const pb::Round& round) {
    const bool ready = round.state() == pb::Round::STATE_READY;
    Expect(ready == (round.blocker_count() == 0), round.round_id(), " is ",
           pb::Round::State_Name(round.state()), " with ", round.blocker_count(), " blockers");
    pb::Round anew = round;
    RefreshRound(Draft(state_, "", {}), &anew);
    Expect(anew.SerializeAsString() == round.SerializeAsString(), round.round_id(),
           " is not what the records say: ", round.ShortDebugString(), " for ",
           anew.ShortDebugString());
  }

  void CheckReadyQueue() {
    const ReadyQueue& ready = state_.ready();
    for (auto c = records_.of<tables::Tickets>().Begin(); c.Valid(); c.Next()) {
      const bool open = c->state() == pb::Ticket::STATE_OPEN;
      Expect(ready.Contains(c.key()) == open, c->ticket_id(), open ? " is missing from" : " is in",
             " the ready queue");
    }
    Expect(ready.ready_count() + ready.delayed_count() ==
               records_.ticket_counts[pb::Ticket::STATE_OPEN],
           "the ready queue holds more than the OPEN tickets");
    const std::string broken = ready.Check();
    Expect(broken.empty(), "ready queue: ", broken);
  }

  void CheckTrees() {
    const auto check = [this](const auto& map) {
      const std::string broken = map.Check();
      Expect(broken.empty(), "a map is damaged: ", broken);
      return true;
    };
    AllTables::ForEach([&]<class T>(Tag<T>) { return check(records_.of<T>()); });
    check(records_.tickets_by_state);
    check(records_.tickets_by_holder);
    check(records_.tickets_by_parent);
    check(records_.unfinished_children);
    check(records_.agents_by_session);
    check(records_.reservations_by_holder);
  }

  const State& state_;
  const Records& records_;
  const bool at_commit_boundary_;
  // What each ticket waits for.
  std::map<int64_t, std::vector<int64_t>> children_and_dependencies_;
  std::vector<std::string> broken_;
};

std::vector<std::string> BrokenInvariants(const State& state, bool at_commit_boundary) {
  return StateInvariants(state, at_commit_boundary).Run();
}

}  // namespace coordhub::core
