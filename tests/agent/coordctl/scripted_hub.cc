#include "tests/agent/coordctl/scripted_hub.h"

#include <chrono>
#include <utility>

#include "agent/base/error.h"
#include "agent/base/session_token.h"
#include "grpcpp/server_builder.h"

namespace coordhub::coordctl {
namespace {

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  (void)buffer.Dump(&slices);
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

std::string TokenOf(const grpc::GenericCallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find(base::kSessionMetadataKey);
  return it == metadata.end() ? "" : std::string(it->second.data(), it->second.size());
}

}  // namespace

class ScriptedHub::Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(ScriptedHub* hub) : hub_(*hub) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Reactor(&hub_, context->method(), TokenOf(*context));
  }

 private:
  class Reactor final : public grpc::ServerGenericBidiReactor {
   public:
    Reactor(ScriptedHub* hub, std::string method, std::string token)
        : hub_(*hub), method_(std::move(method)), token_(std::move(token)) {
      StartRead(&in_);
    }

    void OnReadDone(bool ok) override {
      if (!ok) return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "no request"));
      Answerer handler;
      const std::string request = ToString(in_);
      {
        base::MutexLock lock(&hub_.mu_);
        static constexpr size_t kPackage = sizeof("/coordhub.v1.") - 1;
        hub_.calls_.push_back({method_.substr(kPackage), request, token_});
        const auto it = hub_.handlers_.find(method_);
        if (it == hub_.handlers_.end()) {
          return Finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, method_));
        }
        handler = it->second;
      }
      std::string response;
      const absl::Status status = handler(request, &response);
      if (!status.ok()) {
        return Finish(grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                                   std::string(status.message()),
                                   base::EncodeStatusDetails(status)));
      }
      const grpc::Slice slice(response);
      out_ = grpc::ByteBuffer(&slice, 1);
      StartWriteAndFinish(&out_, grpc::WriteOptions(), grpc::Status::OK);
    }
    void OnDone() override { delete this; }

   private:
    ScriptedHub& hub_;
    const std::string method_;
    const std::string token_;
    grpc::ByteBuffer in_;
    grpc::ByteBuffer out_;
  };

  ScriptedHub& hub_;
};

ScriptedHub::ScriptedHub(const std::string& socket)
    : socket_(socket), service_(std::make_unique<Service>(this)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(endpoint(), grpc::InsecureServerCredentials());
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterCallbackGenericService(service_.get());
  server_ = builder.BuildAndStart();
}

ScriptedHub::~ScriptedHub() { server_->Shutdown(std::chrono::system_clock::now()); }

std::vector<ScriptedHub::Call> ScriptedHub::calls() {
  base::MutexLock lock(&mu_);
  return calls_;
}

void ScriptedHub::SetHandler(const std::string& method, Answerer handler) {
  base::MutexLock lock(&mu_);
  handlers_[method] = std::move(handler);
}

}  // namespace coordhub::coordctl
