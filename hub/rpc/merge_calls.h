// Calls of RepositoryService for which git merges.

#pragma once

#include "hub/rpc/typed_service.h"

namespace coordhub::rpc {

// Both run on the host's thread for merges, however long git takes. Errors: those of MergeDesk;
// NOT_OBSERVED; OVERLOADED, too many wait.
void PreviewMerge(const UnaryCallPtr& call, const CallScope& scope,
                  const v1::PreviewMergeRequest& request, engine::ViewPtr view);
// With what is uncommitted, where that is asked for; else from the records, at once. Errors, too:
// those of BeginPage.
void AnswerListConflicts(const UnaryCallPtr& call, const CallScope& scope,
                         const v1::ListConflictsRequest& request, engine::ViewPtr view);

}  // namespace coordhub::rpc
