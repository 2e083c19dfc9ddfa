#include "hub/rpc/gate.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/session_token.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "hub/core/limits.h"

namespace coordhub::rpc {
namespace {

absl::Status TokenInvalid(std::string_view why) {
  return base::MakeError(base::pb::ERROR_REASON_TOKEN_INVALID, why);
}

// The one value under `key`. Errors: TOKEN_INVALID (several: which one would count?).
absl::StatusOr<std::optional<std::string_view>> OnlyValue(const Gate::Metadata& metadata,
                                                          const char* key) {
  const auto [begin, end] = metadata.equal_range(key);
  if (begin == end) return std::optional<std::string_view>();
  if (std::next(begin) != end) {
    return TokenInvalid(absl::StrCat("the metadata ", key, " is given more than once"));
  }
  return std::optional(std::string_view(begin->second.data(), begin->second.size()));
}

bool IsClientId(std::string_view text) {
  return !text.empty() && text.size() <= core::limits::kClientIdBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' ||
                  c == ':' || c == '-';
         });
}

}  // namespace

absl::StatusOr<std::string> Gate::ClientOf(const Metadata& metadata) {
  const auto [begin, end] = metadata.equal_range(base::kClientMetadataKey);
  if (begin == end) return std::string();
  const std::string_view client(begin->second.data(), begin->second.size());
  if (std::next(begin) != end || !IsClientId(client)) {
    return base::MakeFieldError(base::kClientMetadataKey,
                                "must be given once, as 1 to 64 of [A-Za-z0-9._:-]");
  }
  return std::string(client);
}

core::Caller CallScope::MakeCaller() const {
  switch (principal.kind()) {
    case Principal::Kind::kAgent:
      if (base::MutantActive("identity_widened") && CallerName().empty()) break;
      return core::Caller::Session(principal.session_uid());
    case Principal::Kind::kOperator:
      return core::Caller::Operator();
    case Principal::Kind::kObserver:
      return core::Caller::Observer();
  }
  return base::MutantActive("identity_widened") ? core::Caller::Operator()
                                                : core::Caller::Observer();
}

std::string CallScope::CallerName() const {
  if (!principal.is_agent()) return MakeCaller().actor();
  return principal.home()->engine().AgentOfSession(principal.session_uid());
}

absl::StatusOr<Principal> Gate::Verify(std::string_view session_token) const {
  const auto verify = [&](HostedWorkspace* workspace) -> absl::StatusOr<Principal> {
    COORDHUB_ASSIGN_OR_RETURN(std::string uid, workspace->session_tokens.Verify(session_token));
    return Principal::Agent(std::move(uid), workspace);
  };
  if (default_workspace_ != nullptr) {
    absl::StatusOr<Principal> principal = verify(default_workspace_);
    if (principal.ok()) return principal;
  }
  for (const auto& workspace : host_.workspaces()) {
    if (workspace.get() == default_workspace_) continue;
    absl::StatusOr<Principal> principal = verify(workspace.get());
    if (principal.ok()) return principal;
  }
  return TokenInvalid("the session token is not one of this hub");
}

absl::StatusOr<Principal> Gate::Authenticate(const Metadata& metadata) const {
  COORDHUB_ASSIGN_OR_RETURN(const auto session, OnlyValue(metadata, base::kSessionMetadataKey));
  if (transport_ == Transport::kTcp) {
    COORDHUB_ASSIGN_OR_RETURN(const auto operator_token,
                              OnlyValue(metadata, base::kOperatorMetadataKey));
    if (!session.has_value() && !operator_token.has_value()) {
      return base::MakeError(base::pb::ERROR_REASON_TOKEN_REQUIRED,
                             absl::StrCat("on TCP the metadata ", base::kSessionMetadataKey, " or ",
                                          base::kOperatorMetadataKey, " must say who calls"));
    }
    if (operator_token.has_value() &&
        !base::OperatorTokenMatches(host_.options().operator_token, *operator_token)) {
      return TokenInvalid("the operator token is not this hub's");
    }
  }
  // Whoever shows both acts as the agent.
  if (session.has_value()) return Verify(*session);
  return Principal::Operator();
}

absl::StatusOr<HostedWorkspace*> Gate::Resolve(std::string_view workspace_id) const {
  if (workspace_id.empty()) {
    if (default_workspace_ != nullptr) return default_workspace_;
    const std::string names = absl::StrJoin(
        host_.workspaces(), ",",
        [](std::string* out, const auto& workspace) { absl::StrAppend(out, workspace->id()); });
    return base::MakeError(base::pb::ERROR_REASON_WORKSPACE_REQUIRED,
                           absl::StrCat("workspace_id must name one of ", names),
                           {{"workspaces", names}});
  }
  if (HostedWorkspace* workspace = host_.Find(workspace_id)) return workspace;
  return base::MakeError(base::pb::ERROR_REASON_WORKSPACE_NOT_FOUND,
                         absl::StrCat("there is no workspace ", base::ToAbsl(workspace_id)),
                         {{"workspace_id", std::string(workspace_id)}});
}

absl::StatusOr<CallScope> Gate::Enter(const Principal& principal,
                                      std::string_view workspace_id) const {
  COORDHUB_ASSIGN_OR_RETURN(HostedWorkspace * workspace, Resolve(workspace_id));
  if (principal.is_agent() && principal.home() != workspace) {
    return TokenInvalid(absl::StrCat("the session token is not one of ", workspace->id()));
  }
  return CallScope{principal, workspace};
}

CallScope Gate::EnterHub(const Principal& principal) const {
  return {principal, principal.is_agent() ? principal.home() : default_workspace_};
}

}  // namespace coordhub::rpc
