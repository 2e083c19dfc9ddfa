// The listings of client.h, page by page.

#include <algorithm>
#include <utility>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/client/client.h"

namespace coordhub::agent {
namespace {

constexpr int kPageSize = 1000;
// Pages are held for minutes; losing them this often means that something else is wrong.
constexpr int kMaxBeginnings = 5;

// Fetches page after page into `items`, beginning with the first. `fetch` asks for one page,
// `items_of` takes its items out of the answer.
template <class Request, class Fetch, class ItemsOf, class Item>
absl::StatusOr<int64_t> FetchPages(Request request, size_t limit, const Fetch& fetch,
                                   const ItemsOf& items_of, std::vector<Item>* items) {
  items->clear();
  for (;;) {
    const size_t wanted = limit == 0 ? kPageSize : limit - items->size();
    request.set_page_size(static_cast<int>(std::min<size_t>(wanted, kPageSize)));
    COORDHUB_ASSIGN_OR_RETURN(auto page, fetch(request));
    for (Item& item : *items_of(&page)) items->push_back(std::move(item));
    const bool enough = limit != 0 && items->size() >= limit;
    if (enough || page.next_page_token().empty()) return page.revision();
    request.set_page_token(page.next_page_token());
  }
}

template <class Request, class Fetch, class ItemsOf, class Item>
absl::StatusOr<int64_t> FetchAll(const Request& request, size_t limit, const Fetch& fetch,
                                 const ItemsOf& items_of, std::vector<Item>* items) {
  for (int beginnings = 1;; ++beginnings) {
    auto revision = FetchPages(request, limit, fetch, items_of, items);
    const bool expired = base::ReasonOf(revision.status()) == pb::ERROR_REASON_PAGE_TOKEN_EXPIRED;
    if (!expired || beginnings == kMaxBeginnings) return revision;
  }
}

}  // namespace

absl::StatusOr<TicketListing> ListAllTickets(const Client& client,
                                             const pb::ListTicketsRequest& request, size_t limit) {
  TicketListing listing;
  COORDHUB_ASSIGN_OR_RETURN(
      listing.revision,
      FetchAll(
          request, limit,
          [&](const pb::ListTicketsRequest& page) { return client.ListTickets(page); },
          [](pb::ListTicketsResponse* page) { return page->mutable_tickets(); }, &listing.tickets));
  return listing;
}

absl::StatusOr<AgentListing> ListAllAgents(const Client& client,
                                           const pb::ListAgentsRequest& request, size_t limit) {
  AgentListing listing;
  COORDHUB_ASSIGN_OR_RETURN(
      listing.revision,
      FetchAll(
          request, limit,
          [&](const pb::ListAgentsRequest& page) { return client.ListAgents(page); },
          [](pb::ListAgentsResponse* page) { return page->mutable_agents(); }, &listing.agents));
  return listing;
}

}  // namespace coordhub::agent
