// bench_script: a fixed amount of work, to count its instructions (instructions_test).
//
//   bench_script hub        tickets are created, claimed and completed, without disk and network
//   bench_script reference  messages are serialized and parsed: what the counts are compared with

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "hub/journal/memory_journal.h"
#include "tests/bench/micro/workbench.h"

namespace coordhub::bench {
namespace {

constexpr int kTickets = 2'048;
constexpr int kAgents = 16;
constexpr int kMessages = 20'000;

int RunHub() {
  Workbench bench(journal::NewMemoryJournal(std::string(32, 'a')));
  bench.RegisterAgents(kAgents);
  bench.CreateTickets(kTickets);
  for (int i = 0; i < kTickets; i += kAgents) bench.ClaimAndCompleteOnce();
  const int64_t done = bench.state().records().ticket_counts[v1::Ticket::STATE_DONE];
  std::printf("%lld completed\n", static_cast<long long>(done));
  return done == kTickets ? 0 : 1;
}

int RunReference() {
  size_t bytes = 0;
  for (int i = 0; i < kMessages; ++i) {
    v1::Ticket ticket;
    ticket.set_ticket_id(absl::StrCat("T-", i));
    ticket.set_title(absl::StrCat("Ticket number ", i, " of the benchmark"));
    ticket.add_labels("bench");
    v1::Ticket parsed;
    if (!parsed.ParseFromString(ticket.SerializeAsString())) return 1;
    bytes += parsed.title().size();
  }
  std::printf("%zu bytes\n", bytes);
  return 0;
}

}  // namespace
}  // namespace coordhub::bench

int main(int argc, char** argv) {
  const std::string what = argc == 2 ? argv[1] : "";
  if (what == "hub") return coordhub::bench::RunHub();
  if (what == "reference") return coordhub::bench::RunReference();
  std::fprintf(stderr, "usage: bench_script hub|reference\n");
  return 2;
}
