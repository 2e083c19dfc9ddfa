// A client that writes all the time, through whatever happens to the hub: makes a ticket, cancels
// it, makes the next. Each answer that it got is a line on standard output, "made <title>" or
// "cancelled <title>"; SIGTERM ends it after the call under way, with 0.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/time/time.h"
#include "agent/client/client.h"

namespace coordhub::agent {
namespace {

// The hub is away for a moment again and again.
constexpr absl::Duration kCallTimeout = absl::Minutes(5);

volatile std::sig_atomic_t stopping = 0;

int Fail(const char* what, const absl::Status& status) {
  std::fprintf(stderr, "%s: %s\n", what, status.ToString().c_str());
  return 1;
}

int Write(const Client& client, const std::string& name) {
  for (int64_t n = 0; stopping == 0; ++n) {
    pb::CreateTicketRequest create;
    create.mutable_spec()->set_title(name + "-" + std::to_string(n));
    const auto made = client.CreateTicket(create);
    if (!made.ok()) return Fail("create", made.status());
    std::printf("made %s\n", made->ticket().title().c_str());

    pb::CancelTicketRequest cancel;
    cancel.set_ticket_id(made->ticket().ticket_id());
    const auto cancelled = client.CancelTicket(cancel);
    if (!cancelled.ok()) return Fail("cancel", cancelled.status());
    std::printf("cancelled %s\n", cancelled->ticket().title().c_str());
  }
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("load writer");
  ClientOptions options;
  std::string name;
  app.add_option("--endpoint", options.endpoint)->required();
  app.add_option("--name", name, "Begins every title")->required();
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGTERM, [](int) { stopping = 1; });
  // A line is there for others once the answer is here.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  options.timeout = kCallTimeout;
  const auto client = Client::Connect(options);
  if (!client.ok()) return Fail("connect", client.status());
  return Write(*client, name);
}

}  // namespace
}  // namespace coordhub::agent

int main(int argc, char** argv) { return coordhub::agent::Main(argc, argv); }
