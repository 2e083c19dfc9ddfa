// A hub in this process whose every answer the test decides, behind a real unix socket.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "agent/base/error.h"
#include "agent/base/mutex.h"
#include "coordhub/v1/agent_service.grpc.pb.h"
#include "coordhub/v1/event_service.grpc.pb.h"
#include "coordhub/v1/hub_service.grpc.pb.h"
#include "coordhub/v1/ticket_service.grpc.pb.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"

namespace coordhub::agent {

namespace pb = ::coordhub::v1;

// As the hub's own servers send it.
inline grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
                      base::EncodeStatusDetails(status));
}

// A log of events that watchers read, and calls that tests script. Thread-safe. ClaimNextTicket
// grants T-1 with fence 5 once a session was kept alive, and not before.
//
// Kill() drops every connection without a word, as SIGKILL would; Start() brings the hub back at
// the same socket or another one. The log survives.
class FakeHub {
 public:
  explicit FakeHub(std::string socket);
  ~FakeHub();

  void Start();
  void StartAt(const std::string& socket) {
    socket_ = socket;
    Start();
  }
  void Kill();
  std::string endpoint() const { return "unix:" + socket_; }

  // Appends one commit of `events` events.
  void Append(int events);
  // Drops the events up to `revision`.
  void Compact(int64_t revision);
  // The next watch breaks off after this many responses, `status` being its end.
  void BreakNextWatchAfter(int responses, absl::Status status);
  // Blocks until this many watches have begun since the construction.
  void AwaitWatches(int count);
  std::vector<pb::WatchEventsRequest> watch_requests();

  // Sessions: every token is good until EndSessions; Lose adds to the next KeepAlive answer.
  void EndSessions();
  void AwaitKeepAlives(int count);
  int keep_alives();
  // Blocks until an agent has left; returns its reason.
  std::string AwaitLeave();

  // The next `count` CompleteTicket calls take effect, but their answers are lost with the
  // connection.
  void LoseAnswers(int count);
  int completions();                          // effects, each request_id once
  std::vector<std::string> session_tokens();  // of all CompleteTicket calls

 private:
  class Agents;
  class Tickets;
  class Events;

  grpc::Status Watch(grpc::ServerContext* context, const pb::WatchEventsRequest& request,
                     grpc::ServerWriter<pb::WatchEventsResponse>* writer);
  // The response after `revision`; waits for one. False: the watch ends.
  bool NextResponse(grpc::ServerContext* context, int64_t after, pb::WatchEventsResponse* response);

  std::string socket_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Agents> agents_;
  std::unique_ptr<Tickets> tickets_;
  std::unique_ptr<Events> events_;

  base::Mutex mu_;
  base::CondVar changed_;
  bool killed_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<pb::Event> log_ ABSL_GUARDED_BY(mu_);
  int64_t compact_revision_ ABSL_GUARDED_BY(mu_) = 0;
  int break_after_ ABSL_GUARDED_BY(mu_) = -1;
  absl::Status break_status_ ABSL_GUARDED_BY(mu_);
  std::vector<pb::WatchEventsRequest> watch_requests_ ABSL_GUARDED_BY(mu_);
  bool sessions_ended_ ABSL_GUARDED_BY(mu_) = false;
  int keep_alives_ ABSL_GUARDED_BY(mu_) = 0;
  int lose_answers_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::string> leave_reasons_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> completed_ids_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> tokens_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::agent
