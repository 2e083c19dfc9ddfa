#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/rights.h"
#include "hub/core/limits.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const pb::AddCommentRequest& request) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::Ticket* ticket, RequireTicket(context, request.ticket_id()));
  if (ticket->comment_count() >= limits::kCommentsPerTicket) {
    return LimitReached(
        "comments_per_ticket", limits::kCommentsPerTicket,
        absl::StrCat(ticket->ticket_id(), " has ", ticket->comment_count(), " comments"));
  }
  pb::Ticket commented = *ticket;
  commented.set_comment_count(ticket->comment_count() + 1);
  commented.set_comment_bytes(ticket->comment_bytes() +
                              static_cast<int64_t>(request.text().size()));
  pb::Comment comment;
  comment.set_ticket_id(ticket->ticket_id());
  comment.set_number(commented.comment_count());
  comment.set_author(context.draft.actor());
  comment.set_text(request.text());
  pb::Event& event = context.draft.Add(pb::EVENT_KIND_COMMENT_ADDED);
  context.draft.PutStored(event, std::move(comment), /*bytes_before=*/0);
  context.draft.Put(event, std::move(commented));
  return absl::OkStatus();
}

}  // namespace coordhub::core
