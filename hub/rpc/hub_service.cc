#include "hub/rpc/hub_service.h"

#include <unistd.h>

#include <string>
#include <utility>

#include "agent/base/log.h"
#include "agent/base/text.h"
#include "hub/core/proto_time.h"
#include "hub/rpc/long_calls.h"
#include "hub/rpc/loop_calls.h"
#include "hub/rpc/paging.h"

namespace coordhub::rpc {
namespace {

void FillHub(const Reading& reading, v1::GetHubResponse* response) {
  const ServiceHost& host = reading.host;
  *response->mutable_workspace() = reading.scope.workspace->Describe();
  response->set_version(host.options().version);
  response->set_pid(getpid());
  *response->mutable_start_time() = core::ToProto(host.start_time());
  response->set_draining(reading.scope.engine().draining());
  response->set_caller(reading.scope.CallerName());
}

// The digest is one of the records at exactly the head that is told with it.
void AnswerWithDigest(const UnaryCallPtr& call, const CallScope& scope, engine::ViewPtr view) {
  call->RefuseWhenGone();
  scope.engine().ComputeDigest(view, [call, scope, view](absl::StatusOr<std::string> digest) {
    if (!digest.ok()) return call->Refuse(digest.status());
    v1::GetHubResponse response;
    FillHub({call->host(), scope, view}, &response);
    response.mutable_workspace()->set_head_revision(view->revision);
    response.mutable_workspace()->set_digest(*std::move(digest));
    call->Answer(response);
  });
}

void GetHub(const UnaryCallPtr& call, const CallScope& scope, const v1::GetHubRequest& request,
            engine::ViewPtr view) {
  if (request.with_digest()) return AnswerWithDigest(call, scope, std::move(view));
  v1::GetHubResponse response;
  FillHub({call->host(), scope, std::move(view)}, &response);
  call->Answer(response);
}

// It looks at the files of all of them.
void AnswerWithWorkspaces(const UnaryCallPtr& call, const v1::ListWorkspacesRequest& request) {
  const std::string query = QueryOf(request);
  const absl::StatusOr<std::string> after = PageAfterKey(request.page_token(), query);
  if (!after.ok()) return call->Refuse(after.status());
  v1::ListWorkspacesResponse response;
  PageBudget budget(request.page_size());
  for (const auto& workspace : call->host().workspaces()) {
    if (workspace->id() <= *after) continue;
    if (!budget.Look()) {
      const std::string& last = response.workspaces().rbegin()->workspace_id();
      response.set_next_page_token(EncodePageToken({"", 0, last}, query));
      break;
    }
    *response.add_workspaces() = workspace->Describe();
    budget.Take(*response.workspaces().rbegin());
  }
  call->Answer(response);
}

void ListWorkspaces(const UnaryCallPtr& call, const CallScope&,
                    const v1::ListWorkspacesRequest& request) {
  call->host().PostRead([call, request](const absl::Status& go) {
    if (go.ok()) return AnswerWithWorkspaces(call, request);
    call->Refuse(go);
  });
}

void CompactWorkspace(const UnaryCallPtr& call, const CallScope& scope,
                      const v1::CompactWorkspaceRequest& request) {
  call->RefuseWhenGone();
  scope.engine().Compact(request.revision(), [call, scope](const absl::StatusOr<int64_t>& dropped) {
    if (!dropped.ok()) return call->Refuse(dropped.status());
    v1::CompactWorkspaceResponse response;
    *response.mutable_workspace() = scope.workspace->Describe();
    response.set_dropped_events(*dropped);
    response.set_revision(response.workspace().head_revision());
    call->Answer(response);
  });
}

void DrainHub(const UnaryCallPtr& call, const CallScope& scope,
              const v1::DrainHubRequest& request) {
  const bool began = call->host().Drain();
  v1::DrainHubResponse response;
  response.set_began(began);
  if (scope.workspace != nullptr) response.set_revision(scope.engine().view()->revision);
  call->Answer(response);
  if (!began) return;
  base::Log(base::LogLevel::kInfo, "the operator drains the hub",
            {{"reason", base::OneLine(request.reason(), 512)}});
  if (call->host().options().on_drain_request) call->host().options().on_drain_request();
}

}  // namespace

HubService::HubService(std::shared_ptr<ServiceHost> host, const Gate* gate)
    : TypedService(v1::GetHubRequest::descriptor()->file()->FindServiceByName("HubService"),
                   std::move(host), gate) {
  // It looks at files.
  BindViewed<v1::GetHubRequest>("GetHub", ReadCost::kWalk, GetHub);
  BindTyped<v1::ListWorkspacesRequest>("ListWorkspaces", ListWorkspaces);
  BindViewed<v1::ListLoopsRequest>("ListLoops", ReadCost::kLookup, ListLoops);
  BindTyped<v1::StepLoopRequest>("StepLoop", StepLoop);
  BindTyped<v1::PauseLoopRequest>("PauseLoop", PauseLoop);
  BindTyped<v1::ResumeLoopRequest>("ResumeLoop", ResumeLoop);
  BindTyped<v1::CompactWorkspaceRequest>("CompactWorkspace", CompactWorkspace);
  BindTyped<v1::BackupWorkspaceRequest>("BackupWorkspace", BackupWorkspace);
  BindViewed<v1::VerifyWorkspaceRequest>("VerifyWorkspace", ReadCost::kLookup, VerifyWorkspace);
  BindTyped<v1::DrainHubRequest>("DrainHub", DrainHub);
}

}  // namespace coordhub::rpc
