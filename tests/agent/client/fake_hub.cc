#include "tests/agent/client/fake_hub.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/base/session_token.h"

namespace coordhub::agent {
namespace {

constexpr char kLogId[] = "log-1";
// So that commits are split over responses.
constexpr int kEventsPerResponse = 3;

std::string TokenOf(const grpc::ServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find(base::kSessionMetadataKey);
  return it == metadata.end() ? "" : std::string(it->second.data(), it->second.size());
}

}  // namespace

class FakeHub::Agents final : public pb::AgentService::Service {
 public:
  explicit Agents(FakeHub* hub) : hub_(*hub) {}

  grpc::Status RegisterAgent(grpc::ServerContext*, const pb::RegisterAgentRequest* request,
                             pb::RegisterAgentResponse* response) override {
    response->mutable_agent()->set_agent_id(request->agent_id());
    *response->mutable_agent()->mutable_ttl() = request->ttl();
    response->set_session_token("chs_of_" + request->agent_id());
    return grpc::Status::OK;
  }

  grpc::Status GetAgent(grpc::ServerContext*, const pb::GetAgentRequest*,
                        pb::GetAgentResponse* response) override {
    response->mutable_agent()->set_agent_id("conversation-1");
    response->mutable_agent()->mutable_ttl()->set_seconds(60);
    return grpc::Status::OK;
  }

  grpc::Status DeregisterAgent(grpc::ServerContext*, const pb::DeregisterAgentRequest* request,
                               pb::DeregisterAgentResponse*) override {
    base::MutexLock lock(&hub_.mu_);
    hub_.leave_reasons_.push_back(request->reason());
    hub_.changed_.SignalAll();
    return grpc::Status::OK;
  }

  grpc::Status KeepAlive(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<pb::KeepAliveResponse, pb::KeepAliveRequest>* stream) override {
    pb::KeepAliveRequest request;
    while (stream->Read(&request)) {
      pb::KeepAliveResponse response;
      response.set_sequence(request.sequence());
      {
        base::MutexLock lock(&hub_.mu_);
        ++hub_.keep_alives_;
        hub_.changed_.SignalAll();
        if (hub_.sessions_ended_) {
          return ToGrpc(base::MakeError(pb::ERROR_REASON_SESSION_ENDED, "the session has ended"));
        }
      }
      stream->Write(response);
    }
    return grpc::Status::OK;
  }

 private:
  FakeHub& hub_;
};

class FakeHub::Tickets final : public pb::TicketService::Service {
 public:
  explicit Tickets(FakeHub* hub) : hub_(*hub) {}

  grpc::Status ClaimNextTicket(grpc::ServerContext*, const pb::ClaimNextTicketRequest*,
                               pb::ClaimNextTicketResponse* response) override {
    hub_.AwaitKeepAlives(1);
    response->mutable_ticket()->set_ticket_id("T-1");
    response->mutable_ticket()->mutable_claim()->set_fence(5);
    return grpc::Status::OK;
  }

  grpc::Status CompleteTicket(grpc::ServerContext* context,
                              const pb::CompleteTicketRequest* request,
                              pb::CompleteTicketResponse* response) override {
    base::MutexLock lock(&hub_.mu_);
    hub_.tokens_.push_back(TokenOf(*context));
    auto& done = hub_.completed_ids_;
    if (std::find(done.begin(), done.end(), request->request_id()) == done.end()) {
      done.push_back(request->request_id());
    }
    response->mutable_ticket()->set_ticket_id(request->ticket_id());
    if (hub_.lose_answers_ > 0) {
      --hub_.lose_answers_;
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "Socket closed");
    }
    return grpc::Status::OK;
  }

 private:
  FakeHub& hub_;
};

class FakeHub::Events final : public pb::EventService::Service {
 public:
  explicit Events(FakeHub* hub) : hub_(*hub) {}
  grpc::Status WatchEvents(grpc::ServerContext* context, const pb::WatchEventsRequest* request,
                           grpc::ServerWriter<pb::WatchEventsResponse>* writer) override {
    return hub_.Watch(context, *request, writer);
  }

 private:
  FakeHub& hub_;
};

FakeHub::FakeHub(std::string socket) : socket_(std::move(socket)) {}

FakeHub::~FakeHub() { Kill(); }

void FakeHub::Start() {
  {
    base::MutexLock lock(&mu_);
    killed_ = false;
  }
  agents_ = std::make_unique<Agents>(this);
  tickets_ = std::make_unique<Tickets>(this);
  events_ = std::make_unique<Events>(this);
  grpc::ServerBuilder builder;
  const std::string path = absl::StrReplaceAll(socket_, {{"%", "%25"}, {"#", "%23"}, {"?", "%3F"}});
  builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials());
  builder.RegisterService(agents_.get());
  builder.RegisterService(tickets_.get());
  builder.RegisterService(events_.get());
  server_ = builder.BuildAndStart();
}

void FakeHub::Kill() {
  if (server_ == nullptr) return;
  {
    base::MutexLock lock(&mu_);
    killed_ = true;
    changed_.SignalAll();
  }
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
}

void FakeHub::Append(int events) {
  base::MutexLock lock(&mu_);
  const int64_t commit = static_cast<int64_t>(log_.size()) + events;
  for (int i = 0; i < events; ++i) {
    pb::Event& event = log_.emplace_back();
    event.set_revision(static_cast<int64_t>(log_.size()));
    event.set_commit_revision(commit);
  }
  changed_.SignalAll();
}

void FakeHub::Compact(int64_t revision) {
  base::MutexLock lock(&mu_);
  compact_revision_ = revision;
}

void FakeHub::BreakNextWatchAfter(int responses, absl::Status status) {
  base::MutexLock lock(&mu_);
  break_after_ = responses;
  break_status_ = std::move(status);
}

void FakeHub::AwaitWatches(int count) {
  base::MutexLock lock(&mu_);
  while (static_cast<int>(watch_requests_.size()) < count) changed_.Wait(&mu_);
}

std::vector<pb::WatchEventsRequest> FakeHub::watch_requests() {
  base::MutexLock lock(&mu_);
  return watch_requests_;
}

void FakeHub::EndSessions() {
  base::MutexLock lock(&mu_);
  sessions_ended_ = true;
}

void FakeHub::AwaitKeepAlives(int count) {
  base::MutexLock lock(&mu_);
  while (keep_alives_ < count) changed_.Wait(&mu_);
}

int FakeHub::keep_alives() {
  base::MutexLock lock(&mu_);
  return keep_alives_;
}

std::string FakeHub::AwaitLeave() {
  base::MutexLock lock(&mu_);
  while (leave_reasons_.empty()) changed_.Wait(&mu_);
  return leave_reasons_.back();
}

void FakeHub::LoseAnswers(int count) {
  base::MutexLock lock(&mu_);
  lose_answers_ = count;
}

int FakeHub::completions() {
  base::MutexLock lock(&mu_);
  return static_cast<int>(completed_ids_.size());
}

std::vector<std::string> FakeHub::session_tokens() {
  base::MutexLock lock(&mu_);
  return tokens_;
}

bool FakeHub::NextResponse(grpc::ServerContext* context, int64_t after,
                           pb::WatchEventsResponse* response) {
  base::MutexLock lock(&mu_);
  while (!killed_ && static_cast<int64_t>(log_.size()) <= after) {
    // Looks now and then whether the client has gone; a sync handler is not told.
    changed_.WaitWithTimeout(&mu_, absl::Milliseconds(20));
    if (context->IsCancelled()) return false;
  }
  if (killed_) return false;
  response->Clear();
  for (int64_t i = after; i < static_cast<int64_t>(log_.size()); ++i) {
    if (response->events_size() == kEventsPerResponse) break;
    *response->add_events() = log_[static_cast<size_t>(i)];
  }
  return true;
}

grpc::Status FakeHub::Watch(grpc::ServerContext* context, const pb::WatchEventsRequest& request,
                            grpc::ServerWriter<pb::WatchEventsResponse>* writer) {
  int responses = -1;
  absl::Status end;
  int64_t after = request.after_revision();
  pb::WatchEventsResponse response;
  {
    base::MutexLock lock(&mu_);
    watch_requests_.push_back(request);
    changed_.SignalAll();
    responses = std::exchange(break_after_, -1);
    end = break_status_;
    const auto head = static_cast<int64_t>(log_.size());
    const bool from_revision = request.start() == pb::WatchEventsRequest::START_AFTER_REVISION;
    if (from_revision && after == 0) after = compact_revision_;
    if (from_revision && after < compact_revision_) {
      return ToGrpc(base::MakeError(pb::ERROR_REASON_REVISION_COMPACTED, "compacted",
                                    {{"compact_revision", absl::StrCat(compact_revision_)}}));
    }
    if (!from_revision) after = head;
    response.mutable_opened()->set_log_id(kLogId);
    response.mutable_opened()->set_start_revision(after);
    response.mutable_opened()->set_head_revision(head);
  }
  if (responses == 0) return ToGrpc(end);
  writer->Write(response);
  if (request.start() == pb::WatchEventsRequest::START_SNAPSHOT) {
    response.Clear();
    response.mutable_snapshot()->set_revision(after);
    response.mutable_snapshot()->set_complete(true);
    writer->Write(response);
  }
  while (NextResponse(context, after, &response)) {
    if (responses > 0 && --responses == 0) return ToGrpc(end);
    if (!writer->Write(response)) break;
    after = response.events(response.events_size() - 1).revision();
  }
  return grpc::Status(grpc::StatusCode::UNAVAILABLE, "Cancelling all calls");
}

}  // namespace coordhub::agent
