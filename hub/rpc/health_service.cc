#include "hub/rpc/health_service.h"

#include <optional>
#include <utility>

#include "hub/rpc/answered_at_once.h"
#include "hub/rpc/message_codec.h"

namespace coordhub::rpc {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// Not our ErrorInfo: the protocol is not ours, and its clients look at codes.
grpc::Status Malformed() {
  return {grpc::StatusCode::INVALID_ARGUMENT, "the request is no HealthCheckRequest"};
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
  static void Start(HealthService* health, std::unique_ptr<StreamServerCall> call,
                    std::string name) {
    const std::shared_ptr<WatchReactor> watch(
        new WatchReactor(health, std::move(call), std::move(name)));
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
    self_.reset();  // may delete this
  }

 private:
  WatchReactor(HealthService* health, std::unique_ptr<StreamServerCall> call, std::string name)
      : health_(*health), name_(std::move(name)), call_(std::move(call)) {}

  HealthService& health_;
  const std::string name_;
  const std::unique_ptr<StreamServerCall> call_;
  std::shared_ptr<WatchReactor> self_;

  base::Mutex mu_;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<Status> said_ ABSL_GUARDED_BY(mu_);
};

HealthService::HealthService()
    : QueuedService(HealthCheckRequest::descriptor()->file()->FindServiceByName("Health")),
      serving_({{"", true}}) {}

HealthService::~HealthService() = default;

void HealthService::OnUnary(int /*method*/, std::unique_ptr<UnaryServerCall> call) {
  const std::optional<std::string> name = NameIn(call->request());
  UnaryServerCall& checked = AnsweredAtOnce<UnaryServerCall>::Take(std::move(call));
  if (!name.has_value()) return checked.Refuse(Malformed());
  const Status status = Find(*name);
  if (status == HealthCheckResponse::SERVICE_UNKNOWN) {
    return checked.Refuse({grpc::StatusCode::NOT_FOUND, "nothing of this name is known"});
  }
  checked.Answer(Answer(status));
}

void HealthService::OnStream(int /*method*/, std::unique_ptr<StreamServerCall> call) {
  std::optional<std::string> name = NameIn(call->request());
  if (!name.has_value())
    return AnsweredAtOnce<StreamServerCall>::Take(std::move(call)).Finish(Malformed());
  WatchReactor::Start(this, std::move(call), *std::move(name));
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
