#include "hub/rpc/event_service.h"

#include <utility>

#include "hub/rpc/event_listing.h"
#include "hub/rpc/event_listing_back.h"
#include "hub/rpc/watch_reactor.h"

namespace coordhub::rpc {

EventService::EventService(std::shared_ptr<ServiceHost> host, const Gate* gate)
    : TypedService(v1::ListEventsRequest::descriptor()->file()->FindServiceByName("EventService"),
                   std::move(host), gate) {
  BindViewed<v1::ListEventsRequest>(
      "ListEvents", ReadCost::kLookup,
      [](const UnaryCallPtr& call, const CallScope& scope, const v1::ListEventsRequest& request,
         const engine::ViewPtr&) {
        request.descending() ? ListEventsBack(call, scope, request)
                             : ListEvents(call, scope, request);
      });
  BindStream("WatchEvents",
             [this](std::unique_ptr<StreamServerCall> call, const Principal& principal) {
               WatchReactor::Start(this->host(), this->gate(), std::move(call), principal);
             });
}

}  // namespace coordhub::rpc
