#include "agent/coordctl/await_operation.h"

#include <memory>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "agent/base/status_macros.h"
#include "agent/client/session.h"
#include "agent/client/watch.h"
#include "coordhub/v1/operation_service.pb.h"

namespace coordhub::coordctl {
namespace {

namespace pb = ::coordhub::v1;

// Waits for the event that an operation ended, or for the end of the watch.
class EndHandler final : public agent::WatchHandler {
 public:
  explicit EndHandler(std::string operation_id) : operation_id_(std::move(operation_id)) {}

  void OnEvent(const pb::Event& event) override {
    for (const pb::RecordChange& change : event.changes()) {
      if (change.operation().operation_id() == operation_id_) SetOver(absl::OkStatus());
    }
  }
  void OnEnd(const absl::Status& why) override { SetOver(why); }

  // Blocks. Not OK: the watch could not go on.
  absl::Status Await() {
    base::MutexLock lock(&mu_);
    while (!over_) changed_.Wait(&mu_);
    return why_;
  }

 private:
  void SetOver(const absl::Status& why) {
    base::MutexLock lock(&mu_);
    if (over_) return;
    over_ = true;
    why_ = why;
    changed_.SignalAll();
  }

  const std::string operation_id_;
  base::Mutex mu_;
  base::CondVar changed_;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status why_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

absl::StatusOr<pb::Operation> AwaitOperation(const agent::Client& client,
                                             const std::string& operation_id, int64_t revision) {
  std::unique_ptr<agent::Session> session;
  if (!client.credentials().session_token.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(session, agent::Session::Attach(client));
  }
  agent::WatchOptions options;
  options.start = agent::WatchOptions::Start::kAfter;
  options.after.revision = revision;
  options.snapshot_on_reset = false;
  options.filter.add_kinds(pb::EVENT_KIND_OPERATION_FINISHED);
  options.connect_timeout = client.connection().timeout();
  EndHandler handler(operation_id);
  agent::Watch watch(client, options, &handler);
  const absl::Status seen = handler.Await();
  watch.Stop();

  pb::GetOperationRequest request;
  request.set_operation_id(operation_id);
  COORDHUB_ASSIGN_OR_RETURN(
      const auto response,
      client.Call<pb::GetOperationResponse>("/coordhub.v1.OperationService/GetOperation", request));
  // Events that are gone by now are no reason to fail when it has ended.
  if (response.operation().state() == pb::Operation::STATE_RUNNING && !seen.ok()) return seen;
  return response.operation();
}

}  // namespace coordhub::coordctl
