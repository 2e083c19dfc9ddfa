#include "hub/rpc/health_service.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "hub/rpc/answered_at_once.h"
#include "hub/rpc/grpc_status.h"
#include "hub/rpc/message_codec.h"

namespace coordhub::rpc {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// Not our ErrorInfo: the protocol is not ours, and its clients look at codes.
grpc::Status Malformed() {
  return {grpc::StatusCode::INVALID_ARGUMENT, "the request is no HealthCheckRequest"};
}

grpc::Status TooMany() {
  return ToGrpcStatus(base::MakeError(
      base::pb::ERROR_REASON_LIMIT_REACHED,
      absl::StrCat("a connection may have ", HealthService::kWatchesPerConnection,
                   " watches of health open, all together ", HealthService::kWatches),
      {{"limit_name", "health_watches"}, {"limit", absl::StrCat(HealthService::kWatches)}}));
}

std::optional<std::string> NameIn(const grpc::ByteBuffer& bytes) {
  HealthCheckRequest request;
  if (!ParseRequest(bytes, &request).ok()) return std::nullopt;
  return std::move(*request.mutable_service());
}

grpc::ByteBuffer Answer(HealthCheckResponse::ServingStatus status) {
  HealthCheckResponse response;
  response.set_status(status);
  return Encode(response);
}

}  // namespace

// Lifetime: holds itself from Start to OnDone.
class HealthService::WatchReactor final : public CallReactor,
                                          public std::enable_shared_from_this<WatchReactor> {
 public:
  // Its connection has a share for it, which it gives back.
  static void Start(HealthService* health, std::unique_ptr<StreamServerCall> call,
                    ConnectionKey connection, std::string name) {
    const std::shared_ptr<WatchReactor> watch(
        new WatchReactor(health, std::move(call), connection, std::move(name)));
    watch->self_ = watch;
    watch->call_->set_reactor(watch.get());
    health->Join(watch);
    watch->Pump();
  }

  const std::string& name() const { return name_; }

  // Says what is so now, unless it was the last thing said.
  void Pump() ABSL_LOCKS_EXCLUDED(mu_) {
    Status status;
    {
      base::MutexLock lock(&mu_);
      if (writing_ || over_) return;
      status = health_.Find(name_);
      if (said_ == status) return;
      said_ = status;
      writing_ = true;
    }
    call_->Write(Answer(status));
  }

  void OnWriteDone(bool /*ok*/) override {
    bool over = false;
    {
      base::MutexLock lock(&mu_);
      writing_ = false;
      over = over_;
    }
    if (over) return call_->Finish(grpc::Status::CANCELLED);
    Pump();
  }

  // It never ends by itself. What was decided to be written may not have been begun yet.
  void OnCancel() override {
    {
      base::MutexLock lock(&mu_);
      over_ = true;
      if (writing_) return;
    }
    call_->Finish(grpc::Status::CANCELLED);
  }

  void OnDone() override {
    health_.Leave(this);
    health_.shares_.GiveBack(connection_, 1);
    self_.reset();  // may delete this
  }

 private:
  WatchReactor(HealthService* health, std::unique_ptr<StreamServerCall> call,
               ConnectionKey connection, std::string name)
      : health_(*health), connection_(connection), name_(std::move(name)), call_(std::move(call)) {}

  HealthService& health_;
  const ConnectionKey connection_;
  const std::string name_;
  const std::unique_ptr<StreamServerCall> call_;
  std::shared_ptr<WatchReactor> self_;

  base::Mutex mu_;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<Status> said_ ABSL_GUARDED_BY(mu_);
};

HealthService::HealthService(const Gate* gate)
    : QueuedService(HealthCheckRequest::descriptor()->file()->FindServiceByName("Health")),
      gate_(*gate),
      serving_({{"", true}}) {}

HealthService::~HealthService() = default;

absl::Status HealthService::Admit(const grpc::ServerContext& context,
                                  const std::string& name) const {
  if (name.empty()) return absl::OkStatus();
  return gate_.Authenticate(context.client_metadata()).status();
}

void HealthService::OnUnary(int /*method*/, std::unique_ptr<UnaryServerCall> call) {
  const std::optional<std::string> name = NameIn(call->request());
  UnaryServerCall& checked = AnsweredAtOnce<UnaryServerCall>::Take(std::move(call));
  if (!name.has_value()) return checked.Refuse(Malformed());
  const absl::Status admitted = Admit(checked.context(), *name);
  if (!admitted.ok()) return checked.Refuse(ToGrpcStatus(admitted));
  const Status status = Find(*name);
  if (status == HealthCheckResponse::SERVICE_UNKNOWN) {
    return checked.Refuse({grpc::StatusCode::NOT_FOUND, "nothing of this name is known"});
  }
  checked.Answer(Answer(status));
}

void HealthService::OnStream(int /*method*/, std::unique_ptr<StreamServerCall> call) {
  std::optional<std::string> name = NameIn(call->request());
  grpc::Status refusal;
  const ConnectionKey connection = ConnectionOf(&call->context());
  if (!name.has_value()) {
    refusal = Malformed();
  } else if (const absl::Status status = Admit(call->context(), *name); !status.ok()) {
    refusal = ToGrpcStatus(status);
  } else if (!shares_.TryTake(connection, 1)) {
    refusal = TooMany();
  } else {
    return WatchReactor::Start(this, std::move(call), connection, *std::move(name));
  }
  AnsweredAtOnce<StreamServerCall>::Take(std::move(call)).Finish(refusal);
}

HealthService::Status HealthService::Find(const std::string& name) const {
  base::MutexLock lock(&mu_);
  const auto found = serving_.find(name);
  if (found == serving_.end()) return HealthCheckResponse::SERVICE_UNKNOWN;
  return found->second && !stopped_ ? HealthCheckResponse::SERVING
                                    : HealthCheckResponse::NOT_SERVING;
}

void HealthService::Join(const std::shared_ptr<WatchReactor>& watch) {
  base::MutexLock lock(&mu_);
  watches_[watch.get()] = watch;
}

void HealthService::Leave(const WatchReactor* watch) {
  base::MutexLock lock(&mu_);
  watches_.erase(watch);
}

std::vector<std::shared_ptr<HealthService::WatchReactor>> HealthService::WatchesOf(
    const std::string* name) const {
  std::vector<std::shared_ptr<WatchReactor>> found;
  for (const auto& [key, weak] : watches_) {
    std::shared_ptr<WatchReactor> watch = weak.lock();
    if (watch != nullptr && (name == nullptr || watch->name() == *name)) {
      found.push_back(std::move(watch));
    }
  }
  return found;
}

void HealthService::SetServing(const std::string& name, bool serving) {
  std::vector<std::shared_ptr<WatchReactor>> watches;
  {
    base::MutexLock lock(&mu_);
    serving_[name] = serving;
    watches = WatchesOf(&name);
  }
  for (const auto& watch : watches) watch->Pump();
}

void HealthService::StopServing() {
  std::vector<std::shared_ptr<WatchReactor>> watches;
  {
    base::MutexLock lock(&mu_);
    if (std::exchange(stopped_, true)) return;
    watches = WatchesOf(nullptr);
  }
  for (const auto& watch : watches) watch->Pump();
}

}  // namespace coordhub::rpc
