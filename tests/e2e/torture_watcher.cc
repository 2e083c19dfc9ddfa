// Watches from the first event on and writes a line "REVISION KIND SUBJECT HOLDER FENCE" for each,
// until it is told to stop; "-" and 0 stand for none. It reads the streams as the hub sends them,
// for the client's own watch would drop what comes twice and nobody would know. After a break it
// asks for what follows its last line. A sequence that is torn ends it with 1.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "CLI/CLI.hpp"
#include "agent/base/error.h"
#include "agent/base/mutex.h"
#include "agent/client/grpc_transport.h"
#include "agent/client/retry_policy.h"

namespace coordhub::agent {
namespace {

constexpr absl::Duration kReconnect = absl::Milliseconds(20);

[[noreturn]] void Die(const char* what, const absl::Status& why) {
  std::fprintf(stderr, "%s: %s\n", what, why.ToString().c_str());
  std::_Exit(1);
}

// Whether a stream that ended so goes on in the next one.
bool MayGoOn(const absl::Status& ended) {
  return absl::IsCancelled(ended) || RetryPolicy().Retryable(ended) ||
         base::ReasonOf(ended) == pb::ERROR_REASON_SLOW_WATCHER;
}

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

class Recorder {
 public:
  Recorder(Transport* transport, std::FILE* out) : transport_(*transport), out_(out) {}

  // Until Stop.
  void Run() {
    do {
      const absl::Status ended = ReadStream();
      if (!MayGoOn(ended)) Die("torn", ended);
    } while (Pause());
  }
  void Stop() {
    {
      base::MutexLock lock(&mu_);
      stopped_ = true;
      changed_.Signal();
    }
    transport_.Shutdown();
  }

 private:
  absl::Status ReadStream() {
    pb::WatchEventsRequest request;
    request.set_start(pb::WatchEventsRequest::START_AFTER_REVISION);
    request.set_after_revision(last_);
    request.set_log_id(log_id_);
    const std::unique_ptr<EventStream> stream = transport_.Watch(request, {});
    pb::WatchEventsResponse response;
    while (stream->Read(&response)) {
      if (response.has_opened()) log_id_ = response.opened().log_id();
      for (const pb::Event& event : response.events()) Write(event);
    }
    return stream->Finish();
  }
  void Write(const pb::Event& event) {
    last_ = event.revision();
    const pb::RecordChange& change =
        event.changes().empty() ? pb::RecordChange::default_instance() : event.changes(0);
    const pb::Ticket& ticket = change.ticket();
    const std::string& subject =
        change.has_agent() ? change.agent().agent_id() : ticket.ticket_id();
    std::fprintf(out_, "%lld %s %s %s %lld\n", static_cast<long long>(event.revision()),
                 pb::EventKind_Name(event.kind()).c_str(), OrDash(subject).c_str(),
                 OrDash(ticket.claim().agent_id()).c_str(),
                 static_cast<long long>(ticket.claim().fence()));
    std::fflush(out_);
  }
  // Before the next stream. False: stopped.
  bool Pause() {
    base::MutexLock lock(&mu_);
    if (!stopped_) changed_.WaitWithTimeout(&mu_, kReconnect);
    return !stopped_;
  }

  Transport& transport_;
  std::FILE* const out_;
  std::string log_id_;
  int64_t last_ = 0;

  base::Mutex mu_;
  base::CondVar changed_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

int Main(int argc, char** argv) {
  CLI::App app("torture watcher");
  std::string endpoint;
  std::string path;
  app.add_option("--endpoint", endpoint)->required();
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
  GrpcTransport transport(endpoint, nullptr);
  Recorder recorder(&transport, out);
  std::thread reader([&recorder] { recorder.Run(); });
  int signal = 0;
  sigwait(&stop, &signal);
  recorder.Stop();
  reader.join();
  std::fclose(out);
  return 0;
}

}  // namespace
}  // namespace coordhub::agent

int main(int argc, char** argv) { return coordhub::agent::Main(argc, argv); }
