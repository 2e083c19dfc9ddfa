// Watches from the first event on and writes a line "REVISION KIND SUBJECT" for each, until it is
// told to stop. A sequence that is torn ends it with 1.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "CLI/CLI.hpp"
#include "agent/client/client.h"
#include "agent/client/watch.h"

namespace coordhub::agent {
namespace {

class Recorder final : public WatchHandler {
 public:
  explicit Recorder(std::FILE* out) : out_(out) {}

  void OnEvent(const pb::Event& event) override {
    const std::string kind = pb::EventKind_Name(event.kind());
    std::fprintf(out_, "%lld %s %s\n", static_cast<long long>(event.revision()), kind.c_str(),
                 Subject(event).c_str());
    std::fflush(out_);
  }
  void OnReset(WatchReset /*reset*/, const absl::Status& why) override { Die("torn", why); }
  void OnEnd(const absl::Status& why) override { Die("ended", why); }

 private:
  static std::string Subject(const pb::Event& event) {
    if (event.changes().empty()) return "-";
    const pb::RecordChange& change = event.changes(0);
    if (change.has_ticket()) return change.ticket().ticket_id();
    return change.has_agent() ? change.agent().agent_id() : "-";
  }
  static void Die(const char* what, const absl::Status& why) {
    std::fprintf(stderr, "%s: %s\n", what, why.ToString().c_str());
    std::_Exit(1);
  }

  std::FILE* const out_;
};

int Main(int argc, char** argv) {
  CLI::App app("torture watcher");
  ClientOptions options;
  std::string path;
  app.add_option("--endpoint", options.endpoint)->required();
  app.add_option("--out", path)->required();
  CLI11_PARSE(app, argc, argv);
  // Blocked before any thread begins, so that only sigwait gets it.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  std::FILE* out = std::fopen(path.c_str(), "a");
  if (out == nullptr) {
    std::perror(path.c_str());
    return 1;
  }
  const auto client = Client::Connect(options);
  if (!client.ok()) return 1;
  Recorder recorder(out);
  WatchOptions watch_options;
  watch_options.start = WatchOptions::Start::kAfter;
  watch_options.snapshot_on_reset = false;
  Watch watch(*client, watch_options, &recorder);
  int signal = 0;
  sigwait(&stop, &signal);
  watch.Stop();
  std::fclose(out);
  return 0;
}

}  // namespace
}  // namespace coordhub::agent

int main(int argc, char** argv) { return coordhub::agent::Main(argc, argv); }
