// What all services of the server share.

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/session_token.h"
#include "hub/engine/executor.h"
#include "hub/rpc/agent_router.h"
#include "hub/rpc/joined_messages.h"
#include "hub/rpc/open_calls.h"
#include "hub/rpc/server.h"
#include "hub/rpc/stream_registry.h"
#include "hub/rpc/stream_timer.h"
#include "hub/rpc/unread_answers.h"
#include "hub/rpc/view_cache.h"

namespace coordhub::rpc {

// A workspace and what the services keep about it. Any thread.
struct HostedWorkspace {
  HostedWorkspace(ServedWorkspace served_workspace, const base::Clock* clock)
      : served(std::move(served_workspace)),
        session_tokens(served.key),
        pinned_views(clock),
        router(served.workspace) {}

  engine::Workspace& engine() const { return *served.workspace; }
  const std::string& id() const { return served.workspace->workspace_id(); }
  // For answers.
  v1::Workspace Describe() const;

  const ServedWorkspace served;
  base::SessionTokenVerifier session_tokens;
  ViewCache pinned_views;
  AgentRouter router;
  JoinedMessages joined_messages;
  std::atomic<int> watches{0};
};

// Reads that may wait for their thread; each is a call in flight.
inline constexpr size_t kPostedReads = 16384;
inline constexpr size_t kGitReads = 64;

// Shared by the services of all listening servers, and by calls for as long as something may still
// come back to them. Any thread may call any method.
class ServiceHost {
 public:
  explicit ServiceHost(ServerOptions options);
  ~ServiceHost();

  // In order of their ids.
  const std::vector<std::unique_ptr<HostedWorkspace>>& workspaces() const { return workspaces_; }
  // Null: none of this name.
  HostedWorkspace* Find(std::string_view workspace_id) const;
  const ServerOptions& options() const { return options_; }
  const base::Clock& clock() const { return *options_.clock; }
  base::IdSource& ids() const { return *options_.ids; }
  absl::Time start_time() const { return start_time_; }

  OpenCalls& open_calls() { return open_calls_; }
  StreamRegistry& streams() { return streams_; }
  StreamTimer& timer() { return timer_; }
  UnreadAnswers& unread_answers() { return *unread_answers_; }

  // Runs a read that takes its time, or that had to wait for its revision, off the writer's thread
  // and those of calls; see Executor::Post.
  void PostRead(engine::Executor::Task read) { reads_.Post(std::move(read)); }

  // The same for what has git merge something: seconds, in which other reads go on.
  void PostGitRead(engine::Executor::Task read) { git_reads_.Post(std::move(read)); }

  // Makes all workspaces refuse mutations. True: this call began it.
  bool Drain();

  // Ends the threads and leaves the workspaces: what comes back later finds nothing to do. Once no
  // server serves any more.
  void Close();

 private:
  const ServerOptions options_;
  const absl::Time start_time_;
  std::vector<std::unique_ptr<HostedWorkspace>> workspaces_;
  OpenCalls open_calls_;
  StreamRegistry streams_;
  std::atomic<bool> draining_{false};
  StreamTimer timer_;
  const std::shared_ptr<UnreadAnswers> unread_answers_;
  engine::Executor reads_{kPostedReads, "posted-reads"};
  engine::Executor git_reads_{kGitReads, "git-reads"};
};

// Makes the host, and has it told when one of its workspaces drains.
std::shared_ptr<ServiceHost> MakeServiceHost(ServerOptions options);

}  // namespace coordhub::rpc
