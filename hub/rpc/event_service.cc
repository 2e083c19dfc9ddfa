#include "hub/rpc/event_service.h"

#include <utility>

#include "hub/rpc/event_listing.h"
#include "hub/rpc/watch_reactor.h"

namespace coordhub::rpc {

EventService::EventService(std::shared_ptr<ServiceHost> host, const Gate* gate)
    : TypedService(v1::ListEventsRequest::descriptor()->file()->FindServiceByName("EventService"),
                   std::move(host), gate) {
  BindTyped<v1::ListEventsRequest>("ListEvents", Access::kEveryone, ListEvents);
  BindServerStream("WatchEvents", Access::kEveryone,
                   [this](grpc::CallbackServerContext* context, const Principal& principal,
                          const grpc::ByteBuffer& request) {
                     return WatchReactor::Start(this->host(), this->gate(), context, principal,
                                                request);
                   });
}

}  // namespace coordhub::rpc
