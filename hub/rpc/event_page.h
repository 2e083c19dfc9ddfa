// What the pages of ListEvents have in common, whichever way they go.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "coordhub/v1/event_service.pb.h"
#include "hub/core/filter.h"
#include "hub/rpc/paging.h"
#include "hub/rpc/typed_service.h"
#include "hub/rpc/watch_plan.h"

namespace coordhub::rpc {

// One page, from its first read to its answer. Used by one thread at a time: the call's, then that
// for reads, then the engine's reader thread. It pins nothing: the log does not change, it only
// ends at its head or was compacted.
class EventPage : public std::enable_shared_from_this<EventPage> {
 public:
  virtual ~EventPage() = default;

  // Begins the page, and fills it on a thread for reads.
  static void Run(const std::shared_ptr<EventPage>& page, const v1::ListEventsRequest& request);

 protected:
  EventPage(UnaryCallPtr call, const CallScope& scope, const v1::ListEventsRequest& request);

  // Finds where the page begins. The listing has the events after `first`; `token`: where the page
  // before ended, if there is one. `log_id`: the log that the caller means; may be empty.
  virtual absl::Status Begin(const LogPosition& log, const std::string& log_id, int64_t first,
                             std::optional<int64_t> token) = 0;
  // Looks at events until the page is full or there are no more; then Answer.
  virtual void Fill() = 0;

  // Looks at the next event. False: the page is full, and it was not looked at.
  bool Look(const engine::EncodedEvent& encoded);
  void Answer();

  UnaryCall& call() { return *call_; }
  engine::Workspace& engine() { return engine_; }
  v1::ListEventsResponse& response() { return response_; }
  size_t bytes_left() const { return budget_.bytes_left(); }
  bool full() const { return full_; }

  // The event that was looked at last; before that, where the page begins.
  int64_t at_ = 0;

 private:
  absl::Status BeginWith(const v1::ListEventsRequest& request);

  const UnaryCallPtr call_;
  engine::Workspace& engine_;
  const core::Filter filter_;
  const std::string query_;
  PageBudget budget_;
  bool full_ = false;
  v1::ListEventsResponse response_;
};

}  // namespace coordhub::rpc
