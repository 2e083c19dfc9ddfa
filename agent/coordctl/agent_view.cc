#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/time_text.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

Color ColorOf(pb::Agent::State state) {
  switch (state) {
    case pb::Agent::STATE_ACTIVE:
      return Color::kGreen;
    case pb::Agent::STATE_SUSPECT:
      return Color::kYellow;
    case pb::Agent::STATE_EXPIRED:
      return Color::kRed;
    default:
      return Color::kDim;
  }
}

std::string TimeLeft(const pb::HeldClaim& claim) {
  return claim.has_expires_in() ? ShowSpan(agent::FromProto(claim.expires_in())) : "";
}

}  // namespace

Table AgentTable(const Context& context, const std::vector<pb::Agent>& agents, absl::Time now) {
  Table table =
      context.NewTable({"AGENT", "STATE", "BRANCH", "CLAIMS", "HEARD", "PROGRAM", "WORKTREE"});
  for (const pb::Agent& agent : agents) {
    const std::string heard =
        agent.has_last_seen_time() ? ShowAge(agent::FromProto(agent.last_seen_time()), now) : "";
    table.Add({{agent.agent_id(), Color::kBold},
               {StateName(agent.state()), ColorOf(agent.state())},
               {agent.branch()},
               {absl::StrJoin(agent.claimed_ticket_ids(), ",")},
               {heard},
               {agent.program()},
               {agent.worktree()}});
  }
  return table;
}

Table ClaimTable(const Context& context, const std::vector<pb::HeldClaim>& claims) {
  Table table = context.NewTable({"TICKET", "FENCE", "TIME LEFT"});
  for (const pb::HeldClaim& claim : claims) {
    table.Add(
        {{claim.ticket_id(), Color::kBold}, {absl::StrCat(claim.fence())}, {TimeLeft(claim)}});
  }
  return table;
}

std::string AgentText(const Context& context, const pb::Agent& agent,
                      const std::vector<pb::HeldClaim>& claims, absl::Time now,
                      const char* heading) {
  const auto line = [&](const char* key, const std::string& value) {
    return KeyLine(context, key, value);
  };
  const auto age = [&](bool set, const google::protobuf::Timestamp& time) {
    if (!set) return std::string();
    const std::string shown = ShowAge(agent::FromProto(time), now);
    return shown == "now" ? shown : shown + " ago";
  };
  const std::string left =
      agent.has_expire_time() ? ShowSpan(agent::FromProto(agent.expire_time()) - now) : "";
  std::string text = absl::StrCat(
      line(heading, agent.agent_id()), line("state", StateName(agent.state())),
      line("branch", agent.branch()), line("worktree", agent.worktree()),
      line("program", agent.program()), line("labels", absl::StrJoin(agent.labels(), ", ")),
      line("parent", agent.parent_agent_id()), line("ttl", ShowSpan(agent::FromProto(agent.ttl()))),
      line("expires in", left),
      line("heard", age(agent.has_last_seen_time(), agent.last_seen_time())),
      line("registered", age(agent.has_register_time(), agent.register_time())),
      line("session", absl::StrCat(agent.session_uid(), ", fence ", agent.fence())));
  absl::StrAppend(&text, line("ended", age(agent.has_end_time(), agent.end_time())),
                  line("ended by", agent.end_reason()));
  for (const pb::HeldClaim& claim : claims) {
    const std::string time_left = TimeLeft(claim);
    absl::StrAppend(
        &text, line("holds", absl::StrCat(claim.ticket_id(), ", fence ", claim.fence(),
                                          time_left.empty() ? "" : ", time left ", time_left)));
  }
  return text;
}

}  // namespace coordhub::coordctl
