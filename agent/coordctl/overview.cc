#include "agent/coordctl/overview.h"

#include <algorithm>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/client/proto_time.h"

namespace coordhub::coordctl {
namespace {

constexpr int kPageSize = 1000;
constexpr absl::Duration kSoon = absl::Minutes(1);
// What the first observation of git may take before its absence is a trouble.
constexpr absl::Duration kFirstObservation = absl::Seconds(15);
// Holders of claims with a timeout whose own view of it is asked for.
constexpr size_t kMaxHoldersAsked = 16;

// Runs all of them at the same time, and waits for all.
void InParallel(const std::vector<std::function<void()>>& tasks) {
  std::vector<std::thread> threads;
  threads.reserve(tasks.size());
  for (const auto& task : tasks) threads.emplace_back(task);
  for (std::thread& thread : threads) thread.join();
}

// What a hub cannot do is not there, which is no trouble.
absl::Status Forgive(const absl::Status& status) {
  return absl::IsUnimplemented(status) ? absl::OkStatus() : status;
}

// All pages of a listing.
template <class Response, class Request, class Item>
void ListAll(const agent::Client& client, const char* method, Request request,
             const google::protobuf::RepeatedPtrField<Item>& (Response::*items)() const,
             Listed<Item>* out) {
  request.set_page_size(kPageSize);
  do {
    const absl::StatusOr<Response> page = client.Call<Response>(method, request);
    if (!page.ok()) {
      out->status = Forgive(page.status());
      return;
    }
    const auto& listed = ((*page).*items)();
    out->items.insert(out->items.end(), listed.begin(), listed.end());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
}

absl::Status ReadClaimed(const agent::Client& client, std::vector<pb::Ticket>* out) {
  pb::ListTicketsRequest request;
  request.add_states(pb::Ticket::STATE_CLAIMED);
  COORDHUB_ASSIGN_OR_RETURN(agent::TicketListing listing, agent::ListAllTickets(client, request));
  *out = std::move(listing.tickets);
  std::stable_sort(out->begin(), out->end(), [](const pb::Ticket& a, const pb::Ticket& b) {
    return HeldSince(a) < HeldSince(b);
  });
  return absl::OkStatus();
}

absl::Status ReadAgents(const agent::Client& client, Listed<pb::Agent>* out) {
  pb::ListAgentsRequest request;
  request.add_states(pb::Agent::STATE_ACTIVE);
  request.add_states(pb::Agent::STATE_SUSPECT);
  COORDHUB_ASSIGN_OR_RETURN(agent::AgentListing listing, agent::ListAllAgents(client, request));
  out->items = std::move(listing.agents);
  return absl::OkStatus();
}

void ReadRepository(const agent::Client& client, Overview* out) {
  auto status = client.Call<pb::GetRepositoryStatusResponse>(
      "/coordhub.v1.RepositoryService/GetRepositoryStatus", pb::GetRepositoryStatusRequest());
  if (status.ok()) out->repository = *std::move(status);
  out->repository_status = Forgive(status.status());
}

// Renewals of a claim are in no record; its holder's listing knows them. By (agent, ticket).
std::map<std::pair<std::string, std::string>, absl::Duration> ReadTimeouts(
    const agent::Client& client, const std::vector<pb::Ticket>& claimed) {
  std::map<std::string, bool> holders;
  for (const pb::Ticket& ticket : claimed) {
    if (!ticket.claim().has_claim_timeout() || holders.size() == kMaxHoldersAsked) continue;
    holders[ticket.claim().agent_id()] = true;
  }
  std::map<std::pair<std::string, std::string>, absl::Duration> left;
  for (const auto& [holder, ignored] : holders) {
    pb::GetAgentRequest request;
    request.set_agent_id(holder);
    const auto agent = client.GetAgent(request);
    if (!agent.ok()) continue;
    for (const pb::HeldClaim& claim : agent->claims()) {
      if (!claim.has_expires_in()) continue;
      left[{holder, claim.ticket_id()}] = agent::FromProto(claim.expires_in());
    }
  }
  return left;
}

ClaimDeadline DeadlineOf(const pb::Ticket& ticket, const pb::Agent* holder, absl::Time now) {
  ClaimDeadline claim{ticket.ticket_id(), ticket.claim().agent_id(), ticket.claim().fence(),
                      absl::InfiniteDuration()};
  if (holder != nullptr && holder->has_expire_time()) {
    claim.left = std::max(agent::FromProto(holder->expire_time()) - now, absl::ZeroDuration());
    claim.soon = holder->state() == pb::Agent::STATE_SUSPECT;
  }
  return claim;
}

void FillClaims(const agent::Client& client, Overview* out) {
  std::map<std::string, const pb::Agent*> agents;
  for (const pb::Agent& agent : out->agents.items) agents[agent.agent_id()] = &agent;
  const auto timeouts = ReadTimeouts(client, out->claimed);
  for (const pb::Ticket& ticket : out->claimed) {
    const auto holder = agents.find(ticket.claim().agent_id());
    ClaimDeadline claim =
        DeadlineOf(ticket, holder == agents.end() ? nullptr : holder->second, out->time);
    const auto timeout = timeouts.find({claim.agent_id, claim.ticket_id});
    if (timeout != timeouts.end() && timeout->second < claim.left) {
      claim.left = timeout->second;
      claim.by_session = false;
      claim.soon = claim.soon || claim.left < kSoon;
    }
    out->claims.push_back(std::move(claim));
  }
  std::stable_sort(out->claims.begin(), out->claims.end(),
                   [](const auto& a, const auto& b) { return a.left < b.left; });
}

// A hub that has just begun has not looked at git yet, and one without loops never does: no
// trouble.
void ForgiveNotObserved(Overview* out) {
  const absl::Duration up = out->time - agent::FromProto(out->hub.start_time());
  if (!out->loops.items.empty() && up > kFirstObservation) return;
  for (absl::Status* status :
       {&out->repository_status, &out->branches.status, &out->worktrees.status}) {
    if (base::ReasonOf(*status) == pb::ERROR_REASON_NOT_OBSERVED) *status = absl::OkStatus();
  }
}

bool IsUnfinished(const pb::Round& round) {
  return round.state() == pb::Round::STATE_OPEN || round.state() == pb::Round::STATE_READY ||
         round.state() == pb::Round::STATE_INTEGRATING;
}

}  // namespace

absl::StatusOr<Overview> ReadOverview(const agent::Client& client, const base::Clock& clock) {
  Overview out;
  absl::Status hub;
  absl::Status tickets;
  InParallel({
      [&] {
        auto answer = client.GetHub({});
        hub = answer.status();
        if (answer.ok()) out.hub = *std::move(answer);
      },
      [&] { tickets = ReadClaimed(client, &out.claimed); },
      [&] { out.agents.status = ReadAgents(client, &out.agents); },
      [&] { ReadRepository(client, &out); },
      [&] {
        ListAll(client, "/coordhub.v1.HubService/ListLoops", pb::ListLoopsRequest(),
                &pb::ListLoopsResponse::loops, &out.loops);
      },
      [&] {
        ListAll(client, "/coordhub.v1.RepositoryService/ListBranches", pb::ListBranchesRequest(),
                &pb::ListBranchesResponse::branches, &out.branches);
      },
      [&] {
        ListAll(client, "/coordhub.v1.RepositoryService/ListWorktrees", pb::ListWorktreesRequest(),
                &pb::ListWorktreesResponse::worktrees, &out.worktrees);
      },
      [&] {
        ListAll(client, "/coordhub.v1.RepositoryService/ListConflicts", pb::ListConflictsRequest(),
                &pb::ListConflictsResponse::conflicts, &out.conflicts);
      },
      [&] {
        ListAll(client, "/coordhub.v1.ConvergenceService/ListRounds", pb::ListRoundsRequest(),
                &pb::ListRoundsResponse::rounds, &out.rounds);
      },
  });
  COORDHUB_RETURN_IF_ERROR(hub);
  COORDHUB_RETURN_IF_ERROR(tickets);
  COORDHUB_RETURN_IF_ERROR(out.agents.status);
  out.time = clock.Wall();
  auto& rounds = out.rounds.items;
  rounds.erase(std::remove_if(rounds.begin(), rounds.end(), std::not_fn(IsUnfinished)),
               rounds.end());
  ForgiveNotObserved(&out);
  FillClaims(client, &out);
  return out;
}

bool IsOldClaim(const Overview& overview, const pb::Ticket& ticket) {
  return overview.time - HeldSince(ticket) > overview.claim_age;
}

bool IsHealthy(const pb::Loop& loop) {
  return loop.state() == pb::Loop::STATE_RUNNING || loop.state() == pb::Loop::STATE_PAUSED;
}

std::vector<std::string> ProblemsOf(const Overview& overview) {
  const pb::Workspace& workspace = overview.hub.workspace();
  std::vector<std::string> problems;
  if (overview.hub.draining()) problems.emplace_back("the hub is stopping");
  if (!workspace.write_refusal().empty()) {
    problems.push_back("the hub refuses to write: " + workspace.write_refusal());
  }
  if (!workspace.mirror_problem().empty()) {
    problems.push_back("shared_state/ is not written: " + workspace.mirror_problem());
  }
  for (const pb::Loop& loop : overview.loops.items) {
    if (loop.state() == pb::Loop::STATE_STALLED) {
      problems.push_back(loop.title() + " is stalled: a step takes longer than its interval");
    } else if (!IsHealthy(loop)) {
      problems.push_back(loop.title() + " fails: " + loop.last_error());
    }
  }
  for (const absl::Status* status :
       {&overview.loops.status, &overview.repository_status, &overview.branches.status,
        &overview.worktrees.status, &overview.conflicts.status, &overview.rounds.status}) {
    std::string message(status->message());
    if (status->ok() || std::find(problems.begin(), problems.end(), message) != problems.end()) {
      continue;
    }
    problems.push_back(std::move(message));
  }
  return problems;
}

}  // namespace coordhub::coordctl
