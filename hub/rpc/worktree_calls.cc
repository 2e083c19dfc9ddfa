#include "hub/rpc/worktree_calls.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/limits.h"
#include "hub/core/ticket_id.h"
#include "hub/operations/worktree_requests.h"
#include "hub/rpc/operation_call.h"
#include "hub/rpc/worktree_owners.h"

namespace coordhub::rpc {
namespace {

using operations::WorktreeRequest;
using operations::WorktreeRequests;

// One way to write a path: by it, requests for the same worktree are known.
std::string Normal(const std::string& path) {
  std::string normal = std::filesystem::path(path).lexically_normal().string();
  while (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  return normal;
}

// What a branch is named after. Errors: TICKET_NOT_FOUND.
absl::StatusOr<operations::WorktreeSubject> SubjectOf(const CallScope& scope,
                                                      const v1::CreateWorktreeRequest& request) {
  operations::WorktreeSubject subject;
  subject.agent_id = request.agent_id();
  if (!request.ticket_id().empty()) {
    const engine::ViewPtr view = scope.engine().view();
    const auto* ticket = view->records.FindTicket(core::TicketNumber(request.ticket_id()));
    if (ticket == nullptr) return core::TicketNotFound(request.ticket_id());
    subject.ticket_id = ticket->ticket_id();
    subject.title = ticket->title();
  }
  // Whoever calls for itself need not say so.
  if (subject.ticket_id.empty() && subject.agent_id.empty() && scope.principal.is_agent()) {
    subject.agent_id = scope.CallerName();
  }
  return subject;
}

absl::StatusOr<std::string> BranchFor(const CallScope& scope, const WorktreeRequests& worktrees,
                                      const v1::CreateWorktreeRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(const operations::WorktreeSubject subject, SubjectOf(scope, request));
  if (!request.branch().empty()) return request.branch();
  std::string branch = worktrees.naming().NameFor(subject);
  if (branch.size() > core::limits::kBranchBytes) {
    return base::MakeFieldError(
        "branch", absl::StrCat("must be stated: the hub's pattern gives one of ", branch.size(),
                               " bytes, more than ", core::limits::kBranchBytes));
  }
  if (!branch.empty()) return branch;
  return base::MakeFieldError("branch", "must be stated, or ticket_id or agent_id, for the name");
}

// The worktree of an operation whose answer is not known any more (it ended before the hub did).
template <class Response>
Response ResponseOf(const CallScope& scope, const operations::Ended& ended) {
  Response response;
  if (ended.answer != nullptr) {
    response.CopyFrom(*ended.answer);
  } else {
    response.mutable_worktree()->set_path(ended.operation.subject());
    const ServedWorkspace& served = scope.workspace->served;
    const git::ObservationPtr seen = served.observation ? served.observation() : nullptr;
    if (seen != nullptr) {
      const auto found = std::find_if(
          seen->worktrees.begin(), seen->worktrees.end(),
          [&](const v1::Worktree& w) { return w.path() == ended.operation.subject(); });
      if (found != seen->worktrees.end()) *response.mutable_worktree() = *found;
    }
  }
  WorktreeOwners(*scope.engine().view()).SetOwner(response.mutable_worktree());
  response.set_operation_id(ended.operation.operation_id());
  response.set_revision(ended.operation.mod_revision());
  return response;
}

// Keeps the particulars until the operation is at its end.
template <class Response, class Request>
void RunAt(const UnaryCallPtr& call, const CallScope& scope, const char* method,
           const Request& request, const std::string& path, const WorktreeRequest& particulars) {
  WorktreeRequests* const worktrees = scope.workspace->served.worktrees;
  if (path.size() > core::limits::kPathBytes) {
    return call->Refuse(base::MakeFieldError("path", "is too long"));
  }
  if (!worktrees->Hold(path, particulars)) {
    return call->Refuse(base::MakeFieldError(
        "path", absl::StrCat("another request about ", path, " is under way")));
  }
  RunOperation(
      call, scope,
      BeginCommand(scope, method, request, {.kind = particulars.kind, .subject = path}),
      // It walks over all agents, and may come on the writer's thread.
      [call, scope](const operations::Ended& ended) {
        call->host().PostRead([call, scope, ended](const absl::Status& go) {
          if (!go.ok()) return call->Refuse(go);
          call->Answer(ResponseOf<Response>(scope, ended));
        });
      },
      [worktrees, path] { worktrees->Release(path); });
}

// Whether the hub can do it. If not, the call is refused.
bool RequireWorktrees(const UnaryCallPtr& call, const CallScope& scope) {
  if (scope.workspace->served.worktrees != nullptr) return true;
  call->Refuse(
      base::MakeError(v1::ERROR_REASON_NOT_IMPLEMENTED, "this workspace makes no worktrees"));
  return false;
}

}  // namespace

void CreateWorktree(const UnaryCallPtr& call, const CallScope& scope,
                    const v1::CreateWorktreeRequest& request) {
  if (!RequireWorktrees(call, scope)) return;
  const WorktreeRequests& worktrees = *scope.workspace->served.worktrees;
  const absl::StatusOr<std::string> branch = BranchFor(scope, worktrees, request);
  if (!branch.ok()) return call->Refuse(branch.status());
  RunAt<v1::CreateWorktreeResponse>(
      call, scope, "CreateWorktree", request,
      request.path().empty() ? worktrees.DefaultPath(*branch) : Normal(request.path()),
      {.kind = v1::Operation::KIND_CREATE_WORKTREE,
       .branch = *branch,
       .start_point = request.start_point(),
       .existing_branch = request.existing_branch()});
}

void RemoveWorktree(const UnaryCallPtr& call, const CallScope& scope,
                    const v1::RemoveWorktreeRequest& request) {
  if (!RequireWorktrees(call, scope)) return;
  RunAt<v1::RemoveWorktreeResponse>(
      call, scope, "RemoveWorktree", request, Normal(request.path()),
      {.kind = v1::Operation::KIND_REMOVE_WORKTREE, .allow_unmerged = request.allow_unmerged()});
}

}  // namespace coordhub::rpc
