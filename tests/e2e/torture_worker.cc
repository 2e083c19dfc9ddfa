// One agent of the torture test: claims tickets and completes them until all of them are done,
// through whatever happens to the hub. Prints "completed N" and ends with 0; anything unexpected
// ends it with 1.
#include <cstdint>
#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/time/time.h"
#include "agent/client/client.h"
#include "agent/client/session.h"

namespace coordhub::agent {
namespace {

// A kill costs a restart; twenty in a row must not use the budget of one call.
constexpr absl::Duration kCallTimeout = absl::Minutes(5);

int Fail(const char* what, const absl::Status& status) {
  std::fprintf(stderr, "%s: %s\n", what, status.ToString().c_str());
  return 1;
}

int64_t DoneCount(const pb::Workspace& workspace) {
  for (const pb::TicketCount& count : workspace.ticket_counts()) {
    if (count.state() == pb::Ticket::STATE_DONE) return count.count();
  }
  return 0;
}

int Work(const Client& client, int64_t total) {
  int64_t completed = 0;
  while (true) {
    pb::ClaimNextTicketRequest next;
    next.mutable_wait()->set_seconds(1);
    const auto claimed = client.ClaimNextTicket(next);
    if (!claimed.ok()) return Fail("claim", claimed.status());
    if (!claimed->has_ticket()) {
      const auto hub = client.GetHub({});
      if (!hub.ok()) return Fail("hub", hub.status());
      if (DoneCount(hub->workspace()) >= total) break;
      continue;
    }
    pb::CompleteTicketRequest complete;
    complete.set_ticket_id(claimed->ticket().ticket_id());
    complete.set_fence(claimed->ticket().claim().fence());
    const auto done = client.CompleteTicket(complete);
    if (!done.ok()) return Fail("complete", done.status());
    ++completed;
  }
  std::printf("completed %lld\n", static_cast<long long>(completed));
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("torture worker");
  ClientOptions options;
  std::string agent_id;
  int64_t total = 0;
  app.add_option("--endpoint", options.endpoint)->required();
  app.add_option("--agent", agent_id)->required();
  app.add_option("--total", total)->required();
  CLI11_PARSE(app, argc, argv);
  options.timeout = kCallTimeout;
  const auto client = Client::Connect(options);
  if (!client.ok()) return Fail("connect", client.status());
  pb::RegisterAgentRequest request;
  request.set_agent_id(agent_id);
  request.mutable_ttl()->set_seconds(600);
  const auto session = Session::Register(*client, request);
  if (!session.ok()) return Fail("register", session.status());
  const int result = Work((*session)->client(), total);
  const absl::Status left = (*session)->Leave("done");
  if (!left.ok()) return Fail("leave", left);
  return result;
}

}  // namespace
}  // namespace coordhub::agent

int main(int argc, char** argv) { return coordhub::agent::Main(argc, argv); }
