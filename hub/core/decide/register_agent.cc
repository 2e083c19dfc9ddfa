#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "google/protobuf/util/message_differencer.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"
#include "hub/core/decide/sessions.h"
#include "hub/core/decide/ticket_spec.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

using google::protobuf::util::MessageDifferencer;

// What an agent says of itself. A TTL that it does not state stays as it is.
void SetParticulars(const pb::RegisterAgentRequest& request, pb::Agent* agent) {
  agent->set_branch(request.branch());
  agent->set_worktree(request.worktree());
  agent->set_program(request.program());
  const std::vector<std::string> labels = NormalLabels(request.labels());
  *agent->mutable_labels() = {labels.begin(), labels.end()};
  if (request.has_ttl()) *agent->mutable_ttl() = request.ttl();
}

// Whether `agent_id` is one segment below `parent_id`.
bool IsDirectlyBelow(const std::string& agent_id, const std::string& parent_id) {
  return agent_id.size() > parent_id.size() + 1 && agent_id.rfind('/') == parent_id.size() &&
         agent_id.compare(0, parent_id.size(), parent_id) == 0;
}

// Whether the caller may register this name. Errors: INVALID_FIELD agent_id.
absl::Status CheckName(const Context& context, const std::string& agent_id) {
  if (context.self == nullptr || IsDirectlyBelow(agent_id, context.self->agent_id())) {
    return absl::OkStatus();
  }
  const std::string& own = context.self->agent_id();
  return base::MakeFieldError(
      "agent_id", absl::StrCat("must be ", own, " or ", own,
                               "/<segment> when it is registered with the token of ", own));
}

// Whether one more session may live. Errors: LIMIT_REACHED.
absl::Status RequireRoomForSession(const Context& context) {
  if (context.state.live_agent_count() >= static_cast<size_t>(limits::kLiveAgents)) {
    return LimitReached("live_agents", limits::kLiveAgents,
                        absl::StrCat(limits::kLiveAgents, " agents are live"));
  }
  if (context.self == nullptr) return absl::OkStatus();
  const int sub_agents = FamilyOf(context.state, *context.self).sub_agents;
  if (sub_agents < limits::kSubAgentsPerFamily) return absl::OkStatus();
  return LimitReached("sub_agents_per_family", limits::kSubAgentsPerFamily,
                      absl::StrCat(sub_agents, " sub-agents end with ", context.self->agent_id()));
}

// The agent at the top of a family (core::Family).
const std::string& RootOf(const State& state, const std::string& agent_id) {
  const std::string* root = &agent_id;
  for (const pb::Agent* agent = state.FindAgent(*root);
       agent != nullptr && !agent->parent_agent_id().empty(); agent = state.FindAgent(*root)) {
    root = &agent->parent_agent_id();
  }
  return *root;
}

// Whether an agent ends with another: it is it, or below it.
bool EndsWith(const State& state, const std::string& agent_id, const std::string& other_id) {
  const pb::Agent* agent = state.FindAgent(agent_id);
  while (agent != nullptr && agent->agent_id() != other_id) {
    if (agent->parent_agent_id().empty()) return false;
    agent = state.FindAgent(agent->parent_agent_id());
  }
  return agent != nullptr;
}

// Whether nobody works in the worktree but the family of the session that registers, and those that
// this registration ends. Errors: WORKTREE_HELD.
absl::Status RequireOwnWorktree(const Context& context, const pb::RegisterAgentRequest& request) {
  if (request.worktree().empty() || request.share_worktree()) return absl::OkStatus();
  for (const std::string& holder : context.state.LiveInWorktree(request.worktree())) {
    const bool is_family =
        context.self != nullptr &&
        RootOf(context.state, holder) == RootOf(context.state, context.self->agent_id());
    if (is_family || EndsWith(context.state, holder, request.agent_id())) continue;
    return WorktreeHeld(WithoutTrailingSlashes(request.worktree()), holder,
                        "take a worktree of your own, or share this one on purpose "
                        "(share_worktree)");
  }
  return absl::OkStatus();
}

// Makes room for a record of a new name, if the table is full. An ended agent holds nothing.
void ForgetOldest(Context& context) {
  if (context.state.agent_count() < static_cast<size_t>(limits::kAgents)) return;
  const pb::Agent* oldest = context.state.OldestEndedAgent();
  if (oldest == nullptr) return;  // as many live ones as records: kLiveAgents is reached first
  context.draft.Erase<tables::Agents>(context.draft.Add(pb::EVENT_KIND_AGENT_FORGOTTEN),
                                      oldest->agent_id());
}

// The caller's session goes on. Nothing is written unless it says something new.
void Resume(Context& context, const pb::RegisterAgentRequest& request) {
  context.decision.resumed = true;
  pb::Agent resumed = *context.self;
  SetParticulars(request, &resumed);
  if (MessageDifferencer::Equals(resumed, *context.self)) return;
  context.draft.Put(context.draft.Add(pb::EVENT_KIND_AGENT_RESUMED), std::move(resumed));
}

void BeginSession(Context& context, const RegisterAgent& command, const pb::Agent* known) {
  Draft& draft = context.draft;
  pb::Agent agent;
  agent.set_agent_id(command.request.agent_id());
  agent.set_state(pb::Agent::STATE_ACTIVE);
  *agent.mutable_ttl() = ToProto(limits::kTtlDefault);
  SetParticulars(command.request, &agent);
  if (context.self != nullptr) agent.set_parent_agent_id(context.self->agent_id());
  agent.set_session_uid(command.new_session_uid);
  agent.set_fence(draft.next_revision());
  *agent.mutable_register_time() = ToProto(draft.time());
  if (known != nullptr) agent.set_create_revision(known->create_revision());
  draft.Put(draft.Add(pb::EVENT_KIND_AGENT_REGISTERED), std::move(agent));
}

}  // namespace

absl::Status DecideCommand(Context& context, const RegisterAgent& command) {
  const pb::RegisterAgentRequest& request = command.request;
  // Whoever has the token of the name has nobody to take it over from.
  if (context.self != nullptr && request.agent_id() == context.self->agent_id()) {
    // One that says nothing new of its worktree shares it with whom it did before.
    if (WithoutTrailingSlashes(request.worktree()) !=
        WithoutTrailingSlashes(context.self->worktree())) {
      COORDHUB_RETURN_IF_ERROR(RequireOwnWorktree(context, request));
    }
    Resume(context, request);
    return absl::OkStatus();
  }
  COORDHUB_RETURN_IF_ERROR(CheckName(context, request.agent_id()));

  const pb::Agent* known = context.state.FindAgent(request.agent_id());
  if (known != nullptr && IsLive(*known)) {
    if (!request.takeover()) return AgentActive(request.agent_id());
    COORDHUB_RETURN_IF_ERROR(RequireOwnWorktree(context, request));
    EndSession(context, *known, {.held = HeldFate::kLost, .reason = "taken over"});
  } else {
    COORDHUB_RETURN_IF_ERROR(RequireRoomForSession(context));
    COORDHUB_RETURN_IF_ERROR(RequireOwnWorktree(context, request));
    if (known == nullptr) ForgetOldest(context);
  }
  BeginSession(context, command, known);
  return absl::OkStatus();
}

}  // namespace coordhub::core
