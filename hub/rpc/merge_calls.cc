#include "hub/rpc/merge_calls.h"

#include <iterator>
#include <utility>

#include "agent/base/status_macros.h"
#include "hub/engine/endings.h"
#include "hub/rpc/conflict_listing.h"
#include "hub/rpc/newest_observation.h"

namespace coordhub::rpc {
namespace {

// Calls `run`, which gives a StatusOr of the response, on the thread for merges, unless nobody
// waits for it any more by then.
template <class Run>
void PostMerge(const UnaryCallPtr& call, Run run) {
  call->RefuseWhenGone();
  call->host().PostGitRead([call, run = std::move(run)](const absl::Status& go) {
    if (!go.ok()) return call->Refuse(go);
    if (call->host().clock().Mono() >= call->deadline()) {
      return call->Refuse(engine::CallerGone());
    }
    const auto response = run();
    if (response.ok()) {
      call->Answer(*response);
    } else {
      call->Refuse(response.status());
    }
  });
}

absl::StatusOr<v1::ListConflictsResponse> ListWithUncommitted(
    const UnaryCallPtr& call, const Reading& reading, const v1::ListConflictsRequest& request) {
  v1::ListConflictsResponse response;
  COORDHUB_RETURN_IF_ERROR(ListConflicts(reading, request, &response));
  // The other pages show one revision; what is uncommitted has none.
  if (!request.page_token().empty()) return response;
  COORDHUB_ASSIGN_OR_RETURN(const git::ObservationPtr seen, NewestObservation(reading));
  const base::Clock& clock = reading.host.clock();
  COORDHUB_ASSIGN_OR_RETURN(
      auto conflicts,
      reading.scope.workspace->merges.CompareUncommitted(
          request.branch(), *reading.view, *seen, clock.Wall(),
          [&clock, deadline = call->deadline()] { return clock.Mono() >= deadline; }));
  response.mutable_conflicts()->Add(std::make_move_iterator(conflicts.begin()),
                                    std::make_move_iterator(conflicts.end()));
  return response;
}

}  // namespace

void PreviewMerge(const UnaryCallPtr& call, const CallScope& scope,
                  const v1::PreviewMergeRequest& request, engine::ViewPtr view) {
  PostMerge(
      call,
      [call, scope, request, view = std::move(view)]() -> absl::StatusOr<v1::PreviewMergeResponse> {
        COORDHUB_ASSIGN_OR_RETURN(const git::ObservationPtr seen,
                                  NewestObservation(Reading{call->host(), scope, view}));
        return scope.workspace->merges.Preview(request, *view, *seen);
      });
}

void AnswerListConflicts(const UnaryCallPtr& call, const CallScope& scope,
                         const v1::ListConflictsRequest& request, engine::ViewPtr view) {
  if (request.with_uncommitted()) {
    return PostMerge(call, [call, scope, request, view = std::move(view)] {
      return ListWithUncommitted(call, Reading{call->host(), scope, view}, request);
    });
  }
  const Reading reading{call->host(), scope, std::move(view)};
  v1::ListConflictsResponse response;
  const absl::Status status = ListConflicts(reading, request, &response);
  if (!status.ok()) return call->Refuse(status);
  call->Answer(response);
}

}  // namespace coordhub::rpc
