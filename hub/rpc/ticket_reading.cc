#include "hub/rpc/ticket_reading.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "hub/core/decide/refusals.h"
#include "hub/core/limits.h"

namespace coordhub::rpc {
namespace {

namespace limits = core::limits;

engine::TextQuery QueryFor(const v1::GetTicketRequest& request, const v1::Ticket& ticket) {
  engine::TextQuery query;
  query.number = core::TicketNumber(ticket.ticket_id());
  query.body = ticket.has_body();
  query.newest_comment = request.comments_before() > 0
                             ? std::min(request.comments_before() - 1, ticket.comment_count())
                             : ticket.comment_count();
  const int32_t wanted = request.comment_page_size() > 0
                             ? std::min(request.comment_page_size(), limits::kCommentPageMax)
                             : limits::kCommentPageDefault;
  query.comments = std::min(wanted, query.newest_comment);
  return query;
}

void Answer(const UnaryCallPtr& call, const CallScope& scope, const core::View& view,
            const v1::Ticket& ticket, engine::Texts texts) {
  // Most answers fit: their parts then cost no allocation.
  constexpr size_t kAnswerBlockBytes = 4096;
  alignas(8) char block[kAnswerBlockBytes];
  google::protobuf::ArenaOptions options;
  options.initial_block = block;
  options.initial_block_size = sizeof(block);
  google::protobuf::Arena arena(options);
  auto* response = google::protobuf::Arena::CreateMessage<v1::GetTicketResponse>(&arena);
  *response->mutable_ticket() = ticket;
  if (!ticket.archived()) CompleteResponse(scope, view, response);
  response->set_body(std::move(texts.body));
  for (v1::Comment& comment : texts.comments) *response->add_comments() = std::move(comment);
  response->set_revision(view.revision);
  call->Answer(*response);
}

// `ticket` is one of the view, or of the archive.
void AnswerWithTexts(const UnaryCallPtr& call, const CallScope& scope,
                     const v1::GetTicketRequest& request, engine::ViewPtr view,
                     std::shared_ptr<const v1::Ticket> ticket) {
  const engine::TextQuery query = QueryFor(request, *ticket);
  scope.engine().texts().Read(
      query, [call, scope, request, view = std::move(view),
              ticket = std::move(ticket)](absl::StatusOr<engine::Texts> texts) {
        if (!texts.ok()) return call->Refuse(texts.status());
        if (texts->body_revision <= view->revision) {
          return Answer(call, scope, *view, *ticket, *std::move(texts));
        }
        // The body was written anew meanwhile: with the ticket as it is then.
        scope.engine().AwaitRevision(
            texts->body_revision, call->deadline(),
            [call, scope, request](absl::StatusOr<engine::ViewPtr> later) {
              if (!later.ok()) return call->Refuse(later.status());
              call->host().PostRead(
                  [call, scope, request, later = *std::move(later)](const absl::Status& go) {
                    go.ok() ? GetTicket(call, scope, request, later) : call->Refuse(go);
                  });
            });
      });
}

}  // namespace

void GetTicket(const UnaryCallPtr& call, const CallScope& scope,
               const v1::GetTicketRequest& request, engine::ViewPtr view) {
  const int64_t number = core::TicketNumber(request.ticket_id());
  const auto* ticket = view->records.of<core::tables::Tickets>().Find(number);
  if (ticket != nullptr) return AnswerWithTexts(call, scope, request, view, *ticket);
  if (!view->records.IsArchived(number)) {
    return call->Refuse(core::TicketNotFound(request.ticket_id()));
  }
  scope.engine().texts().ReadArchived(
      number, [call, scope, request, view](absl::StatusOr<std::optional<v1::Ticket>> archived) {
        if (!archived.ok()) return call->Refuse(archived.status());
        if (!archived->has_value()) return call->Refuse(core::TicketNotFound(request.ticket_id()));
        AnswerWithTexts(call, scope, request, view,
                        std::make_shared<const v1::Ticket>(**std::move(archived)));
      });
}

}  // namespace coordhub::rpc
