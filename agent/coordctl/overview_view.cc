#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/text.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/ticket_counts.h"
#include "agent/coordctl/time_text.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShownCommit = 10;

std::string AgeText(const google::protobuf::Timestamp& then, absl::Time now) {
  const std::string age = ShowAge(agent::FromProto(then), now);
  return age == "now" ? "just now" : age + " ago";
}

std::string Mark(const Context& context, bool healthy) {
  return Paint(healthy ? "\u2713" : "\u2717", healthy ? Color::kGreen : Color::kRed,
               context.color());
}

std::string HubLine(const Context& context, const Overview& overview) {
  const pb::GetHubResponse& hub = overview.hub;
  const bool writes = hub.workspace().write_refusal().empty();
  const std::string state = hub.draining() ? "DRAINING" : writes ? "RUNNING" : "READS ONLY";
  return absl::StrCat(Mark(context, !hub.draining() && writes), " Hub: ", state,
                      " (PID: ", hub.pid(), ", coordhub ", base::TerminalSafe(hub.version()),
                      ", up ", ShowSpan(overview.time - agent::FromProto(hub.start_time())),
                      ", workspace ", base::TerminalSafe(hub.workspace().workspace_id()), ")\n");
}

// What is worth knowing of a loop, for the brackets behind its state.
std::string LoopDetails(const pb::Loop& loop, absl::Time now) {
  std::vector<std::string> details = {"every " + ShowSpan(agent::FromProto(loop.interval()))};
  if (loop.has_last_step_time()) {
    details.push_back("last step " + AgeText(loop.last_step_time(), now));
  } else {
    details.emplace_back("no step yet");
  }
  if (loop.state() == pb::Loop::STATE_FAILED && loop.has_next_step_time()) {
    details.push_back("again in " + ShowSpan(agent::FromProto(loop.next_step_time()) - now));
  }
  if (!loop.last_error().empty())
    details.push_back(base::OneLine(base::TerminalSafe(loop.last_error()), 200));
  return absl::StrJoin(details, ", ");
}

std::string LoopLine(const Context& context, const pb::Loop& loop, absl::Time now) {
  const std::string mark =
      loop.state() == pb::Loop::STATE_PAUSED ? "-" : Mark(context, IsHealthy(loop));
  return absl::StrCat(mark, " ", base::TerminalSafe(loop.title()), ": ", StateName(loop.state()),
                      " (", base::TerminalSafe(LoopDetails(loop, now)), ")\n");
}

std::string MirrorLine(const Context& context, const pb::Workspace& workspace) {
  if (workspace.mirror_problem().empty()) return "";
  return absl::StrCat(Mark(context, false), " shared_state: NOT WRITTEN (",
                      base::TerminalSafe(workspace.mirror_problem()), ")\n");
}

// "main, 3 files changed, 2 ahead of …": the main worktree.
std::string RepositoryLine(const Context& context, const Overview& overview) {
  if (!overview.repository_status.ok()) {
    return absl::StrCat(Mark(context, false), " Repository: NOT OBSERVED (",
                        base::TerminalSafe(std::string(overview.repository_status.message())),
                        ")\n");
  }
  const pb::GetRepositoryStatusResponse& status = overview.repository;
  if (!status.has_worktree() && !status.bare()) return "";  // this hub does not observe
  std::vector<std::string> details;
  if (status.has_worktree()) {
    details.push_back(absl::StrCat(status.worktree().changed_files(), " files changed"));
  }
  if (!status.target().empty()) {
    details.push_back(absl::StrCat("target ", status.target(), " at ",
                                   status.target_commit().substr(0, kShownCommit)));
  }
  details.push_back(absl::StrCat(status.conversation_branch_count(), " conversation branches"));
  if (status.has_observe_time()) {
    details.push_back("observed " + AgeText(status.observe_time(), overview.time));
  }
  if (!status.problem().empty())
    details.push_back(base::OneLine(base::TerminalSafe(status.problem()), 200));
  const std::string branch = status.bare()                        ? "bare"
                             : status.worktree().branch().empty() ? "detached"
                                                                  : status.worktree().branch();
  return absl::StrCat(Mark(context, true), " Repository: ", base::TerminalSafe(branch), " (",
                      base::TerminalSafe(absl::StrJoin(details, ", ")), ")\n");
}

std::string Heading(const Context& context, const std::string& text) {
  return absl::StrCat("\n", Paint(text, Color::kBold, context.color()), "\n");
}

std::string TicketSection(const Context& context, const pb::Workspace& workspace) {
  return absl::StrCat(Heading(context, "Tickets"), TicketCounts(workspace), "\n");
}

// A section of a table, cut after `limit` rows; nothing if there are none.
template <class Item, class AddRow>
std::string Section(const Context& context, const std::string& heading, size_t limit,
                    std::vector<std::string> columns, const std::vector<Item>& items,
                    const AddRow& add_row) {
  if (items.empty()) return "";
  Table table = context.NewTable(std::move(columns));
  const size_t shown = std::min(limit, items.size());
  for (size_t i = 0; i < shown; ++i) add_row(items[i], &table);
  std::string text = Heading(context, heading) + table.Render();
  if (shown < items.size()) {
    absl::StrAppend(&text, "\u2026 and ", items.size() - shown, " more; --all shows them\n");
  }
  return text;
}

std::string AgentSection(const Context& context, const Overview& overview, size_t limit) {
  if (overview.agents.items.empty()) return "";
  std::vector<pb::Agent> agents = overview.agents.items;
  const size_t all = agents.size();
  agents.resize(std::min(limit, all));
  std::string text =
      Heading(context, "Agents") + AgentTable(context, agents, overview.time).Render();
  if (all > limit) absl::StrAppend(&text, "\u2026 and ", all - limit, " more; --all shows them\n");
  return text;
}

std::string HeldSection(const Context& context, const Overview& overview, size_t limit) {
  return Section(context, "Claims", limit, {"TICKET", "AGENT", "HELD FOR", "LAST SIGN OF WORK"},
                 overview.claimed, [&overview](const pb::Ticket& ticket, Table* table) {
                   const bool old = IsOldClaim(overview, ticket);
                   const std::string held = ShowSpan(overview.time - HeldSince(ticket));
                   table->Add({{ticket.ticket_id(), Color::kBold},
                               {ticket.claim().agent_id()},
                               {old ? held + ", LONG" : held, old ? Color::kYellow : Color::kNone},
                               {LastWorkText(ticket, overview.time)}});
                 });
}

std::string ClaimSection(const Context& context, const Overview& overview, size_t limit) {
  std::vector<ClaimDeadline> soon;
  for (const ClaimDeadline& claim : overview.claims) {
    if (claim.soon) soon.push_back(claim);
  }
  return Section(context, "Claims that end soon", limit, {"TICKET", "AGENT", "IN", "WHY"}, soon,
                 [](const ClaimDeadline& claim, Table* table) {
                   table->Add({{claim.ticket_id, Color::kBold},
                               {claim.agent_id},
                               {ShowSpan(claim.left), Color::kYellow},
                               {claim.by_session ? "the agent is silent" : "not renewed"}});
                 });
}

// Those that moved last come first.
std::string BranchSection(const Context& context, const Overview& overview, size_t limit) {
  std::vector<pb::Branch> branches = overview.branches.items;
  std::stable_sort(branches.begin(), branches.end(), [](const auto& a, const auto& b) {
    return a.mod_revision() > b.mod_revision();
  });
  return Section(context, "Branches", limit,
                 {"BRANCH", "HEAD", "AHEAD", "BEHIND", "FILES", "OWNER"}, branches,
                 [](const pb::Branch& branch, Table* table) {
                   const bool known = branch.problem().empty();
                   table->Add({{branch.branch(), Color::kBold},
                               {branch.commit().substr(0, kShownCommit)},
                               {known ? absl::StrCat(branch.ahead()) : "?"},
                               {known ? absl::StrCat(branch.behind()) : "?"},
                               {known ? absl::StrCat(branch.changed_path_count()) : "?"},
                               {known ? branch.owner_agent_id()
                                      : base::OneLine(base::TerminalSafe(branch.problem()), 100)}});
                 });
}

std::string WorktreeSection(const Context& context, const Overview& overview, size_t limit) {
  return Section(
      context, "Worktrees", limit, {"PATH", "BRANCH", "CHANGED", "OWNER"}, overview.worktrees.items,
      [](const pb::Worktree& worktree, Table* table) {
        const bool known = worktree.problem().empty();
        table->Add({{worktree.path(), Color::kBold},
                    {worktree.branch().empty() ? "(detached)" : worktree.branch()},
                    {known ? absl::StrCat(worktree.changed_files()) : "?"},
                    {known ? worktree.owner_agent_id()
                           : base::OneLine(base::TerminalSafe(worktree.problem()), 100)}});
      });
}

std::string ConflictSection(const Context& context, const Overview& overview, size_t limit) {
  return Section(context, "Conflicts", limit, {"BRANCH", "WITH", "FILES", "PATHS"},
                 overview.conflicts.items, [](const pb::Conflict& conflict, Table* table) {
                   table->Add({{conflict.branch_a(), Color::kBold},
                               {conflict.branch_b(), Color::kBold},
                               {absl::StrCat(conflict.path_count())},
                               {absl::StrJoin(conflict.paths(), " ")}});
                 });
}

std::string RoundSection(const Context& context, const Overview& overview, size_t limit) {
  return Section(context, "Convergence", limit, {"ROUND", "STATE", "TARGET", "MEMBERS", "BLOCKERS"},
                 overview.rounds.items, [](const pb::Round& round, Table* table) {
                   table->Add({{round.round_id(), Color::kBold},
                               {StateName(round.state())},
                               {round.target()},
                               {absl::StrCat(round.members_size())},
                               {absl::StrCat(round.blocker_count())}});
                 });
}

template <class Messages>
Json ArrayOf(const Messages& messages) {
  Json array = Json::array();
  for (const auto& message : messages) array.push_back(Json::parse(ToJson(message, false)));
  return array;
}

Json ClaimsOf(const Overview& overview) {
  std::map<std::string, const pb::Ticket*> tickets;
  for (const pb::Ticket& ticket : overview.claimed) tickets[ticket.ticket_id()] = &ticket;
  Json claims = Json::array();
  for (const ClaimDeadline& claim : overview.claims) {
    Json json = {{"ticketId", claim.ticket_id},
                 {"agentId", claim.agent_id},
                 {"fence", absl::StrCat(claim.fence)},
                 {"endsBy", claim.by_session ? "session" : "timeout"},
                 {"soon", claim.soon}};
    if (claim.left < absl::InfiniteDuration()) {
      json["secondsLeft"] = absl::ToInt64Seconds(claim.left);
    }
    const pb::Ticket& ticket = *tickets.at(claim.ticket_id);
    json["secondsHeld"] = absl::ToInt64Seconds(overview.time - HeldSince(ticket));
    json["old"] = IsOldClaim(overview, ticket);
    if (ticket.has_last_work_time()) {
      json["lastWorkTime"] = absl::FormatTime(
          absl::RFC3339_sec, agent::FromProto(ticket.last_work_time()), absl::UTCTimeZone());
    }
    claims.push_back(std::move(json));
  }
  return claims;
}

}  // namespace

std::string HealthText(const Context& context, const Overview& overview) {
  std::string text = HubLine(context, overview);
  for (const pb::Loop& loop : overview.loops.items) {
    absl::StrAppend(&text, LoopLine(context, loop, overview.time));
  }
  return absl::StrCat(text, MirrorLine(context, overview.hub.workspace()),
                      RepositoryLine(context, overview));
}

std::string OverviewText(const Context& context, const Overview& overview, size_t limit) {
  return absl::StrCat(
      HealthText(context, overview), TicketSection(context, overview.hub.workspace()),
      AgentSection(context, overview, limit), HeldSection(context, overview, limit),
      ClaimSection(context, overview, limit), BranchSection(context, overview, limit),
      WorktreeSection(context, overview, limit), ConflictSection(context, overview, limit),
      RoundSection(context, overview, limit));
}

std::string OverviewJson(const Overview& overview, bool pretty) {
  const std::vector<std::string> problems = ProblemsOf(overview);
  const Json json = {{"healthy", problems.empty()},
                     {"problems", problems},
                     {"hub", Json::parse(ToJson(overview.hub, false))},
                     {"loops", ArrayOf(overview.loops.items)},
                     {"agents", ArrayOf(overview.agents.items)},
                     {"claims", ClaimsOf(overview)},
                     {"repository", Json::parse(ToJson(overview.repository, false))},
                     {"branches", ArrayOf(overview.branches.items)},
                     {"worktrees", ArrayOf(overview.worktrees.items)},
                     {"conflicts", ArrayOf(overview.conflicts.items)},
                     {"rounds", ArrayOf(overview.rounds.items)}};
  return DumpJson(json, pretty) + "\n";
}

}  // namespace coordhub::coordctl
