// The Transport over gRPC.

#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "agent/base/mutex.h"
#include "agent/client/transport.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"

namespace coordhub::agent {

// Two channels to one endpoint: calls and sessions' keep-alives do not wait behind a watch's data,
// and its connection does not take them along when it breaks. Connects when first used, and again
// by itself when the connection breaks; when `resolve` finds another endpoint, new channels take
// the place of the old, on which calls that are under way end by themselves.
//
// Thread-safe. Owns no thread; gRPC's own run the callbacks. Outlives its streams' calls: a stream
// keeps what it needs.
class GrpcTransport final : public Transport {
 public:
  using Resolve = std::function<absl::StatusOr<std::string>()>;

  // `endpoint`: see ClientOptions. `resolve` may be unset.
  GrpcTransport(const std::string& endpoint, Resolve resolve);
  ~GrpcTransport() override;

  absl::Status Unary(const std::string& method, const google::protobuf::MessageLite& request,
                     google::protobuf::MessageLite* response, const Credentials& credentials,
                     absl::Duration timeout) override;
  std::unique_ptr<EventStream> Watch(const pb::WatchEventsRequest& request,
                                     const Credentials& credentials) override;
  std::unique_ptr<KeepAliveStream> KeepAlive(const Credentials& credentials,
                                             KeepAliveStream::Listener* listener) override;
  void Refresh() override;
  void Shutdown() override;

  // The calls that are under way, so that Shutdown can cancel them. Outlives the transport with the
  // streams that hold it.
  class CallRegistry {
   public:
    // False: shut down; the call must not begin.
    bool Add(grpc::ClientContext* context);
    void Remove(grpc::ClientContext* context);
    void CancelAll();
    bool shut_down();

   private:
    base::Mutex mu_;
    std::set<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mu_);
    bool shut_down_ ABSL_GUARDED_BY(mu_) = false;
  };

  // The channels to one endpoint, which never changes.
  struct Channels {
    explicit Channels(const std::string& to);
    // Made when first asked for: most processes only make calls.
    std::shared_ptr<grpc::Channel> watches() const;

    const std::string endpoint;
    const std::shared_ptr<grpc::Channel> calls;  // unary, and KeepAlive

   private:
    mutable base::Mutex mu_;
    mutable std::shared_ptr<grpc::Channel> watches_ ABSL_GUARDED_BY(mu_);
  };

 private:
  std::shared_ptr<const Channels> channels();

  const Resolve resolve_;
  const std::shared_ptr<CallRegistry> calls_;
  base::Mutex mu_;
  std::shared_ptr<const Channels> channels_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::agent
