// Tells an agent's streams what happened to the agent.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "agent/base/mutex.h"
#include "hub/engine/workspace.h"
#include "hub/rpc/stream.h"

namespace coordhub::rpc {

// Reads the events of one workspace once, for all its keep-alive streams and all watches of
// sessions, and calls those whose agent an event concerns: so a thousand agents cost no more than
// one. What it tells is durable and in the newest view. Any thread; no lock is held while a stream
// is called.
class AgentRouter final : public engine::EventListener {
 public:
  // `workspace` outlives it.
  explicit AgentRouter(engine::Workspace* workspace);
  ~AgentRouter() override;

  void Subscribe(const std::string& agent_id, const std::shared_ptr<Stream>& stream);
  void Unsubscribe(const std::string& agent_id, const Stream* stream);

  // Leaves the broadcaster. Idempotent. Not from a stream.
  void Stop();

  // On the broadcaster's thread.
  void OnEvents() override;

 private:
  using Streams = std::vector<std::shared_ptr<Stream>>;

  void Route(const v1::Event& event);
  void RouteClaimEnd(const v1::Event& event, const v1::RecordChange& change);
  // What concerns agents by their branches: conflicts, the beginning and the end of rounds.
  void RouteBranchNews(const v1::Event& event);
  void RouteMissed();
  Streams StreamsOf(const std::string& agent_id);

  engine::Workspace& workspace_;
  bool registered_ = true;  // Stop's
  int64_t cursor_;          // the broadcaster thread's

  base::Mutex mu_;
  absl::flat_hash_map<std::string, std::map<const Stream*, std::weak_ptr<Stream>>> by_agent_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::rpc
