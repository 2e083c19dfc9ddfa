// How long one command holds the writer where the limits let it be longest (core/limits.h):
// decided, folded, encoded, appended to a journal in memory and answered. The bound is 10 ms on two
// cores.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hub/core/limits.h"
#include "hub/journal/memory_journal.h"
#include "tests/bench/micro/workbench.h"
#include "tests/engine/commands.h"

namespace coordhub::bench {
namespace {

namespace limits = core::limits;
using Commands = std::vector<std::unique_ptr<core::Command>>;

std::unique_ptr<Workbench> MakeWorkbench(int agents) {
  auto bench = std::make_unique<Workbench>(journal::NewMemoryJournal(std::string(32, 'a')));
  bench->RegisterAgents(agents);
  return bench;
}

template <class Request>
std::unique_ptr<core::Command> ByOperator(Request request) {
  return engine::CommandOf(engine::Operator(), std::move(request));
}

// Tickets that are as `shape` makes them, in batches; the first gets `first`.
void CreateShaped(Workbench& bench, int64_t count,
                  const std::function<void(int64_t, v1::TicketSpec*)>& shape) {
  for (int64_t made = 0; made < count;) {
    v1::BatchCreateTicketsRequest batch;
    for (; made < count && batch.tickets_size() < limits::kBatchTickets; ++made) {
      v1::TicketSpec& spec = *batch.add_tickets()->mutable_spec();
      spec.set_title(absl::StrCat("Ticket number ", made, " of the benchmark"));
      spec.add_paths("hub/core/derive.cc");
      shape(made, &spec);
    }
    bench.RunOne(ByOperator(std::move(batch)));
  }
}

void DependOn(int64_t number, v1::TicketSpec* spec) {
  spec->add_dependencies()->set_ticket_id(absl::StrCat("T-", number));
}

// Runs the command as the iteration of a benchmark with manual time.
void Time(benchmark::State& state, Workbench& bench, std::unique_ptr<core::Command> command) {
  const auto begin = std::chrono::steady_clock::now();
  bench.RunOne(std::move(command));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  state.SetIterationTime(took.count());
  state.counters["events"] = static_cast<double>(bench.committed().size());
}

v1::ClaimTicketRequest Claim(const std::string& ticket_id) {
  v1::ClaimTicketRequest request;
  request.set_ticket_id(ticket_id);
  return request;
}

// T-1, which so many wait for, is done; and reopened again.
void CompleteWithDependents(benchmark::State& state, bool time_reopen,
                            const std::function<void(v1::TicketSpec*)>& shape) {
  const auto bench = MakeWorkbench(1);
  CreateShaped(*bench, 1, [](int64_t, v1::TicketSpec*) {});
  CreateShaped(*bench, state.range(0), [&](int64_t, v1::TicketSpec* spec) {
    DependOn(1, spec);
    shape(spec);
  });
  const core::Caller agent = engine::Session("session-0");
  for (auto _ : state) {
    bench->RunOne(engine::CommandOf(agent, Claim("T-1")));
    const int64_t fence = bench->committed().front().event->changes(0).ticket().last_fence();
    auto complete = engine::CommandOf(agent, engine::Complete("T-1", fence));
    v1::ReopenTicketRequest reopen;
    reopen.set_ticket_id("T-1");
    if (time_reopen) {
      bench->RunOne(std::move(complete));
      Time(state, *bench, ByOperator(reopen));
    } else {
      Time(state, *bench, std::move(complete));
      bench->RunOne(ByOperator(reopen));
    }
  }
}

void BM_HeldByCompleteWithDependents(benchmark::State& state) {
  CompleteWithDependents(state, /*time_reopen=*/false, [](v1::TicketSpec*) {});
}
BENCHMARK(BM_HeldByCompleteWithDependents)
    ->Arg(limits::kDependents)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

void BM_HeldByReopenWithDependents(benchmark::State& state) {
  CompleteWithDependents(state, /*time_reopen=*/true, [](v1::TicketSpec*) {});
}
BENCHMARK(BM_HeldByReopenWithDependents)
    ->Arg(limits::kDependents)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// The records of the dependents are large: 20 paths of 100 bytes.
void BM_HeldByCompleteWithLargeDependents(benchmark::State& state) {
  CompleteWithDependents(state, /*time_reopen=*/false, [](v1::TicketSpec* spec) {
    for (int i = 0; i < 20; ++i) spec->add_paths(absl::StrCat(std::string(98, 'p'), 10 + i));
  });
}
BENCHMARK(BM_HeldByCompleteWithLargeDependents)
    ->Arg(limits::kDependents)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// So many tickets with one label or the other, and nothing that has both. With `own`, each has one
// that no other has.
void LabelsThatNeverMeet(benchmark::State& state, bool own) {
  const auto bench = MakeWorkbench(1);
  CreateShaped(*bench, state.range(0), [own](int64_t i, v1::TicketSpec* spec) {
    spec->add_labels(i % 2 == 0 ? "even" : "odd");
    if (own) spec->add_labels(absl::StrCat("only-", i));
  });
  v1::ClaimNextTicketRequest request;
  request.add_labels("even");
  request.add_labels("odd");
  for (auto _ : state) {
    Time(state, *bench, engine::CommandOf(engine::Session("session-0"), request));
  }
}

void BM_HeldByLabelsThatNeverMeet(benchmark::State& state) { LabelsThatNeverMeet(state, false); }
BENCHMARK(BM_HeldByLabelsThatNeverMeet)
    ->Arg(100'000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

void BM_HeldByLabelsThatNeverMeetNorRepeat(benchmark::State& state) {
  LabelsThatNeverMeet(state, true);
}
BENCHMARK(BM_HeldByLabelsThatNeverMeetNorRepeat)
    ->Arg(100'000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// A new ticket that waits for the end of a chain, and so for all of it.
void BM_HeldByCreateBehindAChain(benchmark::State& state) {
  const auto bench = MakeWorkbench(0);
  CreateShaped(*bench, state.range(0), [](int64_t i, v1::TicketSpec* spec) {
    if (i % limits::kBatchTickets == 0 && i > 0) DependOn(i, spec);
  });
  for (int64_t i = 1; i < state.range(0); ++i) {
    if (i % limits::kBatchTickets == 0) continue;
    v1::UpdateTicketRequest update;
    update.set_ticket_id(absl::StrCat("T-", i + 1));
    update.mutable_update_mask()->add_paths("dependencies");
    DependOn(i, update.mutable_spec());
    bench->RunOne(ByOperator(update));
  }
  v1::CreateTicketRequest request = engine::Create("after all of them");
  DependOn(state.range(0), request.mutable_spec());
  for (auto _ : state) {
    Time(state, *bench, ByOperator(request));
    // Only so many may depend on one.
    v1::CancelTicketRequest cancel;
    cancel.set_ticket_id(absl::StrCat("T-", bench->state().last_ticket_number()));
    bench->RunOne(ByOperator(cancel));
  }
}
BENCHMARK(BM_HeldByCreateBehindAChain)
    ->Arg(100'000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// The first of a chain gets a dependency on the last of another: as much lies on either side, and
// the search gives up at its limit.
void BM_HeldByTheLongestSearch(benchmark::State& state) {
  const auto bench = MakeWorkbench(0);
  const int64_t count = limits::kCycleSteps;
  const auto chain = [&](int64_t from) {
    for (int64_t i = 0; i < count; ++i) {
      v1::CreateTicketRequest request = engine::Create("a link");
      if (i > 0) DependOn(from + i - 1, request.mutable_spec());
      bench->RunOne(ByOperator(std::move(request)));
    }
  };
  chain(1);
  chain(1 + count);
  v1::UpdateTicketRequest update;
  update.set_ticket_id("T-1");
  update.mutable_update_mask()->add_paths("dependencies");
  DependOn(2 * count, update.mutable_spec());
  const auto command = ByOperator(update);
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(core::Decide(bench->state(), *command, bench->now()));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    state.SetIterationTime(took.count());
  }
}
BENCHMARK(BM_HeldByTheLongestSearch)->UseManualTime()->Unit(benchmark::kMillisecond);

// A batch with as many tickets as it may have, each with so many labels (0), dependencies (1) and
// paths (2).
void BM_HeldByBatch(benchmark::State& state) {
  const auto bench = MakeWorkbench(0);
  CreateShaped(*bench, limits::kDependencies, [](int64_t, v1::TicketSpec*) {});
  v1::BatchCreateTicketsRequest batch;
  for (int i = 0; i < limits::kBatchTickets; ++i) {
    v1::TicketSpec& spec = *batch.add_tickets()->mutable_spec();
    spec.set_title("one of many");
    for (int64_t n = 0; n < state.range(0); ++n) spec.add_labels(absl::StrCat("label-", n));
    for (int64_t n = 0; n < state.range(1); ++n) DependOn(n + 1, &spec);
    for (int64_t n = 0; n < state.range(2); ++n) spec.add_paths(absl::StrCat("path/", n));
  }
  for (auto _ : state) {
    Time(state, *bench, ByOperator(batch));
    // Only so many may depend on one.
    v1::CancelTicketRequest cancel;
    const int64_t last = bench->state().last_ticket_number();
    for (int64_t number = last - limits::kBatchTickets + 1; number <= last; ++number) {
      cancel.set_ticket_id(absl::StrCat("T-", number));
      bench->RunOne(ByOperator(cancel));
    }
  }
}
BENCHMARK(BM_HeldByBatch)
    ->Args({0, 0, 0})
    ->Args({limits::kBatchEntries / limits::kBatchTickets, 0, 0})
    ->Args({0, limits::kBatchEntries / limits::kBatchTickets, 0})
    ->Args({0, 0, limits::kBatchEntries / limits::kBatchTickets})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// Agents that hold as many tickets as they may; the others are below the first one.
std::unique_ptr<Workbench> MakeFamily() {
  auto bench = MakeWorkbench(1);
  CreateShaped(*bench, limits::kClaimsPerFamily, [](int64_t, v1::TicketSpec*) {});
  for (int i = 0; i < limits::kSubAgentsPerFamily; ++i) {
    auto command = engine::RegisterCommand(absl::StrCat("agent-0/sub-", i), absl::StrCat("sub-", i),
                                           absl::Hours(1));
    command->caller = engine::Session("session-0");
    bench->RunOne(std::move(command));
  }
  for (int i = 0; i < limits::kClaimsPerFamily; ++i) {
    const core::Caller agent =
        engine::Session(absl::StrCat("sub-", i % limits::kSubAgentsPerFamily));
    bench->RunOne(engine::CommandOf(agent, engine::ClaimNext()));
  }
  return bench;
}

void BM_HeldByDeregister(benchmark::State& state) {
  for (auto _ : state) {
    const auto bench = MakeFamily();
    v1::DeregisterAgentRequest request;
    request.set_agent_id("agent-0");
    Time(state, *bench, ByOperator(request));
  }
}
BENCHMARK(BM_HeldByDeregister)->Iterations(20)->UseManualTime()->Unit(benchmark::kMillisecond);

// One command of those that end all sessions.
void BM_HeldByEndAllSessions(benchmark::State& state) {
  for (auto _ : state) {
    const auto bench = MakeFamily();
    bench->RegisterAgents(static_cast<int>(limits::kLiveAgents) - bench->agents() -
                          limits::kSubAgentsPerFamily);
    Time(state, *bench,
         std::make_unique<core::Command>(core::Command{.caller = core::Caller::Hub("restore"),
                                                       .body = core::EndAllSessions{"restored"}}));
  }
}
BENCHMARK(BM_HeldByEndAllSessions)->Iterations(5)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace coordhub::bench
