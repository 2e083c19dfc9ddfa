// bench_micro: what the hub's parts cost by themselves, by Google Benchmark.
//
//   bench_micro --benchmark_filter=Decide

#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "hub/engine/event_codec.h"
#include "hub/engine/ring_broadcaster.h"
#include "hub/journal/memory_journal.h"
#include "hub/journal/sqlite_journal.h"
#include "tests/bench/micro/workbench.h"

namespace coordhub::bench {
namespace {

std::unique_ptr<Workbench> MakeWorkbench(int agents, int tickets) {
  auto bench = std::make_unique<Workbench>(journal::NewMemoryJournal(std::string(32, 'a')));
  bench->RegisterAgents(agents);
  bench->CreateTickets(tickets);
  return bench;
}

// Which ticket a claim gets, without the change itself: the index, whatever the number of tickets.
void BM_DecideClaim(benchmark::State& state) {
  const auto bench = MakeWorkbench(1, static_cast<int>(state.range(0)));
  const std::unique_ptr<core::Command> claim = Workbench::ClaimOf(0);
  for (auto _ : state) {
    auto decision = core::Decide(bench->state(), *claim, bench->now());
    benchmark::DoNotOptimize(decision);
  }
}
BENCHMARK(BM_DecideClaim)->Arg(1'000)->Arg(100'000);

// A claim's event folded into the state, with the indexes and the persistent maps.
void BM_EvolveClaim(benchmark::State& state) {
  const auto bench = MakeWorkbench(64, static_cast<int>(state.range(0)));
  std::vector<std::unique_ptr<core::Command>> claims;
  for (int i = 0; i < bench->agents(); ++i) claims.push_back(Workbench::ClaimOf(i));
  const std::shared_ptr<const core::View> before = bench->state().MakeView();
  size_t next = 0;
  for (auto _ : state) {
    state.PauseTiming();
    if (next == claims.size()) {
      bench->state().RollBack(*before, bench->now());
      next = 0;
    }
    const auto decision = core::Decide(bench->state(), *claims[next++], bench->now());
    CheckOk(decision.status(), "a claim");
    state.ResumeTiming();
    bench->state().Evolve(decision->events.front(), nullptr, bench->now());
  }
}
BENCHMARK(BM_EvolveClaim)->Arg(1'000)->Iterations(2'000);

// A claim and its completion through the writer, 16 agents a batch: all but disk and network.
void BM_WriterPair(benchmark::State& state) {
  constexpr int kAgents = 16;
  constexpr int kTickets = 4'096;
  std::unique_ptr<Workbench> bench;
  int left = 0;
  for (auto _ : state) {
    if (left < kAgents) {
      state.PauseTiming();
      bench = MakeWorkbench(kAgents, kTickets);
      left = kTickets;
      state.ResumeTiming();
    }
    bench->ClaimAndCompleteOnce();
    left -= kAgents;
  }
  state.SetItemsProcessed(state.iterations() * kAgents);
}
BENCHMARK(BM_WriterPair);

void BM_EncodeEvent(benchmark::State& state) {
  const auto bench = MakeWorkbench(1, 1);
  const std::shared_ptr<const v1::Event> event = bench->committed().front().event;
  for (auto _ : state) benchmark::DoNotOptimize(engine::Encode(event));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(event->ByteSizeLong()));
}
BENCHMARK(BM_EncodeEvent);

// Durable, on the disk that holds the temporary directory: `range` events of 400 bytes a sync.
void BM_JournalAppend(benchmark::State& state) {
  std::string directory = std::filesystem::temp_directory_path() / "coordhub-micro-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) std::abort();
  base::SystemIdSource ids;
  journal::SqliteOptions options;
  options.state_dir = directory;
  options.version = COORDHUB_VERSION;
  options.ids = &ids;
  auto opened = journal::OpenSqliteJournal(options);
  CheckOk(opened.status(), "the journal");
  int64_t revision = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<journal::Entry> entries(static_cast<size_t>(state.range(0)));
    for (journal::Entry& entry : entries) {
      entry.revision = entry.commit_revision = ++revision;
      entry.event_bytes.assign(400, 'e');
    }
    state.ResumeTiming();
    CheckOk((*opened)->Append(entries), "append");
    CheckOk((*opened)->Checkpoint(/*force=*/false), "checkpoint");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  opened->reset();
  std::filesystem::remove_all(directory);
}
BENCHMARK(BM_JournalAppend)->Arg(1)->Arg(16)->Arg(64)->UseRealTime();

// Publishing an event, and `range` watchers that read it, without their streams.
void BM_Broadcast(benchmark::State& state) {
  const auto bench = MakeWorkbench(1, 1);
  const engine::EncodedEvent encoded = bench->committed().front();
  const base::SystemClock clock;
  engine::RingBroadcaster broadcaster(0, 10'000, 64 << 20, &clock);
  const core::Filter everything;
  int64_t revision = 0;
  for (auto _ : state) {
    auto event = std::make_shared<v1::Event>(*encoded.event);
    event->set_revision(++revision);
    event->set_commit_revision(revision);
    broadcaster.Publish({{std::move(event), encoded.frame}});
    for (int64_t i = 0; i < state.range(0); ++i) {
      benchmark::DoNotOptimize(broadcaster.Read(revision - 1, everything, 1'024, 1 << 20));
    }
  }
}
BENCHMARK(BM_Broadcast)->Arg(0)->Arg(1)->Arg(100);

}  // namespace
}  // namespace coordhub::bench

BENCHMARK_MAIN();
