#include "hub/rpc/archived_listing.h"

#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "hub/rpc/paging.h"
#include "hub/rpc/ticket_listing.h"

namespace coordhub::rpc {
namespace {

// Read at a time.
constexpr size_t kRows = 500;

// One page on its way. Held by the read that is under way.
class ArchivedPage : public std::enable_shared_from_this<ArchivedPage> {
 public:
  ArchivedPage(UnaryCallPtr call, CallScope scope, const v1::ListTicketsRequest& request)
      : call_(std::move(call)),
        scope_(std::move(scope)),
        request_(request),
        query_(QueryOf(request)),
        budget_(request.page_size()) {}

  void Begin(engine::ViewPtr view) {
    absl::StatusOr<PageStart> start =
        BeginPage(scope_.workspace, std::move(view), request_.page_token(), query_);
    if (!start.ok()) return call_->Refuse(start.status());
    start_ = *std::move(start);
    if (!start_.after_key.empty() && (!absl::SimpleAtoi(start_.after_key, &last_) || last_ < 0 ||
                                      last_ == std::numeric_limits<int64_t>::max())) {
      return call_->Refuse(
          base::MakeError(base::pb::ERROR_REASON_PAGE_TOKEN_INVALID, "page_token is malformed"));
    }
    call_->RefuseWhenGone();
    ReadOn();
  }

 private:
  void ReadOn() {
    scope_.engine().texts().ListArchived(
        last_, request_.descending(), kRows,
        [self = shared_from_this()](const absl::StatusOr<std::vector<v1::Ticket>>& tickets) {
          self->Take(tickets);
        });
  }

  void Take(const absl::StatusOr<std::vector<v1::Ticket>>& tickets) {
    if (!tickets.ok()) return call_->Refuse(tickets.status());
    for (const v1::Ticket& ticket : *tickets) {
      if (!budget_.Look()) return Answer(/*more=*/true);
      last_ = core::TicketNumber(ticket.ticket_id());
      // The store may be ahead of the view.
      if (!start_.view->records.IsArchived(last_) || !Matches(request_, ticket)) continue;
      *response_.add_tickets() = ticket;
      budget_.Take(ticket);
    }
    if (tickets->empty()) return Answer(/*more=*/false);
    ReadOn();
  }

  void Answer(bool more) {
    if (more) {
      response_.set_next_page_token(
          NextPage(scope_.workspace, start_, absl::StrCat(last_), query_));
    }
    response_.set_revision(start_.view->revision);
    call_->Answer(response_);
  }

  const UnaryCallPtr call_;
  const CallScope scope_;
  const v1::ListTicketsRequest request_;
  const std::string query_;
  PageStart start_;
  PageBudget budget_;
  // The number that was looked at last.
  int64_t last_ = 0;
  v1::ListTicketsResponse response_;
};

}  // namespace

void ListArchivedTickets(const UnaryCallPtr& call, const CallScope& scope,
                         const v1::ListTicketsRequest& request, engine::ViewPtr view) {
  std::make_shared<ArchivedPage>(call, scope, request)->Begin(std::move(view));
}

}  // namespace coordhub::rpc
