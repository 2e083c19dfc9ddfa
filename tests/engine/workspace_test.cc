// The running workspace: threads, restart on a real journal, compaction, verification, races.
#include "hub/engine/workspace.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/base/manual_clock.h"
#include "hub/engine/executor.h"
#include "hub/engine/replay.h"
#include "tests/engine/scripted_journal.h"
#include "tests/engine/workspace_fixture.h"

namespace coordhub::engine {
namespace {

TEST_F(WorkspaceTest, ManyClientsRacingForOneTicketHaveOneWinnerEachRound) {
  constexpr int kClients = 64;
  constexpr int kRounds = 1000;
  Open(journal::NewMemoryJournal(std::string(32, 'a')));
  for (int i = 0; i < kClients; ++i) {
    ASSERT_TRUE(
        Do(RegisterCommand("a" + std::to_string(i), "uid" + std::to_string(i), absl::Hours(1)))
            .ok());
  }
  for (int round = 0; round < kRounds; ++round) {
    const auto created = Do(CommandOf(Operator(), Create("race")));
    ASSERT_TRUE(created.ok());
    const std::string id = created->events[0]->changes(0).ticket().ticket_id();
    v1::ClaimTicketRequest claim;
    claim.set_ticket_id(id);
    struct Race {
      std::atomic<int> winners{0};
      std::atomic<int> refused{0};
      std::atomic<int> left{kClients};
      Waitable<bool> over;
    };
    auto race = std::make_shared<Race>();
    // From four threads, so that the queue itself is raced for.
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = t; i < kClients; i += 4) {
          workspace_->Submit(CommandOf(Session("uid" + std::to_string(i)), claim),
                             base::MonoTime::InfiniteFuture(),
                             [race](absl::StatusOr<Outcome> outcome) {
                               const bool taken = base::ReasonOf(outcome.status()) ==
                                                  v1::ERROR_REASON_TICKET_CLAIMED;
                               if (outcome.ok()) ++race->winners;
                               if (taken) ++race->refused;
                               if (--race->left == 0) race->over.Set(true);
                             });
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    race->over.Get();
    ASSERT_EQ(race->winners, 1) << "round " << round;
    ASSERT_EQ(race->refused, kClients - 1) << "round " << round;
    v1::CancelTicketRequest cancel;
    cancel.set_ticket_id(id);
    ASSERT_TRUE(Do(CommandOf(Operator(), cancel)).ok());
  }
}

TEST_F(WorkspaceTest, AReadSeesWhatWasAcknowledged) {
  Open(journal::NewMemoryJournal(std::string(32, 'a')));
  for (int i = 0; i < 200; ++i) {
    const auto created = Do(CommandOf(Operator(), Create("t")));
    ASSERT_TRUE(created.ok());
    ASSERT_GE(workspace_->view()->revision, created->revision);
  }
}

TEST_F(WorkspaceTest, AReadAtALaterRevisionWaitsForIt) {
  Open(journal::NewMemoryJournal(std::string(32, 'a')));
  Waitable<absl::StatusOr<ViewPtr>> reached;
  workspace_->AwaitRevision(2, base::MonoTime::InfiniteFuture(),
                            [&](absl::StatusOr<ViewPtr> view) { reached.Set(view); });
  ASSERT_TRUE(Do(CommandOf(Operator(), Create("one"))).ok());
  ASSERT_TRUE(Do(CommandOf(Operator(), Create("two"))).ok());
  const auto view = reached.Get();
  ASSERT_TRUE(view.ok());
  EXPECT_EQ((*view)->revision, 2);
}

TEST_F(WorkspaceTest, ARevisionThatDoesNotComeIsRefusedAtTheDeadline) {
  Open(journal::NewMemoryJournal(std::string(32, 'a')));
  Waitable<absl::StatusOr<ViewPtr>> reached;
  workspace_->AwaitRevision(2, clock_.Mono(),
                            [&](absl::StatusOr<ViewPtr> view) { reached.Set(view); });
  EXPECT_EQ(base::ReasonOf(reached.Get().status()), v1::ERROR_REASON_REVISION_NOT_REACHED);
}

TEST_F(WorkspaceTest, ARestartKeepsEverything) {
  OpenSqlite();
  ASSERT_TRUE(Do(RegisterCommand("a", "uid-a", absl::Hours(1))).ok());
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Do(CommandOf(Operator(), Create("t"))).ok());
  ASSERT_TRUE(Do(CommandOf(Session("uid-a"), ClaimNext())).ok());
  const std::string digest = core::Digest(*workspace_->view());
  const std::string log_id = workspace_->identity().log_id;
  OpenSqlite();
  EXPECT_EQ(core::Digest(*workspace_->view()), digest);
  EXPECT_EQ(workspace_->identity().log_id, log_id);
  EXPECT_TRUE(workspace_->TouchSession("uid-a").ok()) << "the restart ended a session";
  EXPECT_EQ(Verify().digest, digest);
}

TEST_F(WorkspaceTest, CompactionDropsEventsAndVerificationStillAgrees) {
  OpenSqlite();
  for (int i = 0; i < 301; ++i) ASSERT_TRUE(Do(CommandOf(Operator(), Create("t"))).ok());
  const auto dropped = Compact(200);
  ASSERT_TRUE(dropped.ok()) << dropped.status();
  EXPECT_GE(*dropped, 199);
  EXPECT_EQ(workspace_->Describe().compact_revision(), 200);
  EXPECT_EQ(base::ReasonOf(ReadEvents(199).status()), v1::ERROR_REASON_REVISION_COMPACTED);
  EXPECT_TRUE(ReadEvents(200).ok());
  const std::string digest = core::Digest(*workspace_->view());
  EXPECT_EQ(Verify().digest, digest);
  OpenSqlite();
  EXPECT_EQ(core::Digest(*workspace_->view()), digest);
}

// What the answer needs is kept with the request: no event is kept for it.
TEST_F(WorkspaceTest, TheAnswersOfRememberedRequestsOutliveTheirEvents) {
  OpenSqlite();
  v1::CreateTicketRequest small = Create("first");
  small.set_request_id("small");
  ASSERT_TRUE(Do(CommandOf(Operator(), small)).ok());
  v1::BatchCreateTicketsRequest large;
  large.set_request_id("large");
  for (int i = 0; i < 200; ++i) {
    large.add_tickets()->mutable_spec()->set_title(absl::StrCat("of many ", i));
  }
  ASSERT_TRUE(Do(CommandOf(Operator(), large)).ok());
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(Do(CommandOf(Operator(), Create("t"))).ok());
  const auto dropped = Compact(400);
  ASSERT_TRUE(dropped.ok()) << dropped.status();
  EXPECT_EQ(*dropped, 400);
  for (int start = 0; start < 2; ++start) {
    const auto one = Do(CommandOf(Operator(), small));
    ASSERT_TRUE(one.ok()) << one.status();
    EXPECT_EQ(one->events[0]->changes(0).ticket().ticket_id(), "T-1");
    const auto many = Do(CommandOf(Operator(), large));
    ASSERT_TRUE(many.ok()) << many.status();
    ASSERT_EQ(many->events.size(), 200u);
    EXPECT_EQ(many->events[199]->changes(0).ticket().title(), "of many 199");
    EXPECT_EQ(workspace_->view()->records.of<core::tables::Tickets>().size(), 501u);
    OpenSqlite();
  }
}

TEST_F(WorkspaceTest, CompactionAheadOfTheHeadIsRefused) {
  OpenSqlite();
  ASSERT_TRUE(Do(CommandOf(Operator(), Create("t"))).ok());
  EXPECT_EQ(base::ReasonOf(Compact(2).status()), v1::ERROR_REASON_INVALID_FIELD);
}

TEST_F(WorkspaceTest, CompactionMovesBackToACommitBoundary) {
  OpenSqlite();
  ASSERT_TRUE(Do(CommandOf(Operator(), Create("t"))).ok());
  v1::BatchCreateTicketsRequest batch;
  for (int i = 0; i < 10; ++i) batch.add_tickets()->mutable_spec()->set_title("t");
  ASSERT_TRUE(Do(CommandOf(Operator(), batch)).ok());
  ASSERT_TRUE(Compact(5).ok());
  EXPECT_EQ(workspace_->Describe().compact_revision(), 1);
}

TEST_F(WorkspaceTest, ABackupUnderLoadRestoresVerifiesAndEndsAllSessions) {
  std::atomic<int64_t> head_at_end{0};
  OpenSqlite([&](ScriptedJournal* journal) {
    journal->after_backup = [&](int64_t head) { head_at_end = head; };
  });
  ASSERT_TRUE(Do(RegisterCommand("a", "uid-a", absl::Hours(1))).ok());
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Do(CommandOf(Operator(), Create("t"))).ok());
  ASSERT_TRUE(Do(CommandOf(Session("uid-a"), ClaimNext())).ok());
  std::atomic<bool> stop{false};
  std::thread load([&] {
    while (!stop) {
      if (!Do(CommandOf(Operator(), Create("load"))).ok()) return;
    }
  });
  // Until one was taken under load: commits came after what it holds, before it was done.
  absl::StatusOr<Workspace::BackupResult> backup;
  std::string name;
  do {
    name += "x";
    backup = Backup(name);
  } while (backup.ok() && head_at_end <= backup->info.revision);
  stop = true;
  load.join();
  ASSERT_TRUE(backup.ok()) << backup.status();
  const std::string old_log = workspace_->identity().log_id;
  workspace_.reset();

  const absl::Status restored =
      journal::RestoreBackup(directory_ + "/" + name, SqliteAt("restored"));
  ASSERT_TRUE(restored.ok()) << restored;
  auto journal = journal::OpenSqliteJournal(SqliteAt("restored"));
  ASSERT_TRUE(journal.ok()) << journal.status();
  // What it holds is what the hub had at that revision.
  const auto fold = Fold(journal->get(), FoldFrom::kBeginning, backup->info.revision, clock_.Now(),
                         [](const std::string&) {});
  ASSERT_TRUE(fold.ok()) << fold.status();
  EXPECT_EQ(core::Digest(*fold->state->MakeView()), backup->digest);
  Open(std::move(*journal));
  EXPECT_NE(workspace_->identity().log_id, old_log);
  EXPECT_GT(workspace_->view()->revision, backup->info.revision) << "the sessions' end is an event";
  EXPECT_EQ(base::ReasonOf(workspace_->TouchSession("uid-a")), v1::ERROR_REASON_SESSION_ENDED);
  EXPECT_FALSE(
      (*workspace_->view()->records.of<core::tables::Tickets>().Find(int64_t{1}))->has_claim());
  Verify();
  EXPECT_TRUE(Do(CommandOf(Operator(), Create("after"))).ok());
}

TEST_F(WorkspaceTest, DrainRefusesMutationsAndAnswersWhatIsQueued) {
  Open(journal::NewMemoryJournal(std::string(32, 'a')));
  bool said = false;
  workspace_->OnDrain([&] { said = true; });
  workspace_->Drain();
  workspace_->Drain();
  EXPECT_TRUE(said);
  EXPECT_EQ(base::ReasonOf(Do(CommandOf(Operator(), Create("late"))).status()),
            v1::ERROR_REASON_HUB_DRAINING);
  workspace_->Stop();
}

TEST_F(WorkspaceTest, AFailedJournalIsFatalAndAcknowledgesNothing) {
  auto scripted =
      std::make_unique<ScriptedJournal>(journal::NewMemoryJournal(std::string(32, 'a')));
  scripted->on_append = [](absl::Span<const journal::Entry>) {
    return base::MakeError(v1::ERROR_REASON_IO_FAILED, "fsync");
  };
  WorkspaceOptions options;
  options.workspace_id = "test";
  std::atomic<int> fatal{0};
  options.on_fatal = [&](const absl::Status&) { ++fatal; };
  auto opened = Workspace::Open(options, std::move(scripted), &clock_, &ids_);
  ASSERT_TRUE(opened.ok());
  workspace_ = std::move(*opened);
  EXPECT_FALSE(Do(CommandOf(Operator(), Create("one"))).ok());
  EXPECT_FALSE(Do(CommandOf(Operator(), Create("two"))).ok());
  EXPECT_EQ(fatal, 1);
  EXPECT_EQ(workspace_->view()->revision, 0);
}

TEST_F(WorkspaceTest, AReaderBehindTheRingGetsEveryEventFromTheJournal) {
  options_.ring_events = 16;
  OpenSqlite();
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(Do(CommandOf(Operator(), Create("t"))).ok());
  int64_t cursor = 0;
  EXPECT_EQ(workspace_->broadcaster().Read(cursor, core::Filter(), 10, 1 << 20).found,
            Broadcaster::Found::kBehind);
  while (cursor < 500) {
    const auto events = ReadEvents(cursor);
    ASSERT_TRUE(events.ok());
    for (const EncodedEvent& event : *events) ASSERT_EQ(event.event->revision(), ++cursor);
  }
}

TEST_F(WorkspaceTest, ASnapshotThatFailsIsNotTriedAgainWithEveryCommit) {
  std::atomic<int> tries{0};
  auto journal = std::make_unique<ScriptedJournal>(journal::NewMemoryJournal(std::string(32, 'a')));
  journal->on_save_snapshot = [&tries] {
    ++tries;
    return base::MakeError(v1::ERROR_REASON_DISK_FULL, "no space");
  };
  options_.snapshot_every = 10;
  Open(std::move(journal));
  for (int i = 0; i < 10; ++i) {
    for (int j = 0; j < 20; ++j) ASSERT_TRUE(Do(CommandOf(Operator(), Create("one"))).ok());
    Verify();  // runs on the same thread, after what was due
  }
  EXPECT_EQ(tries, 1);
  workspace_.reset();  // `tries` goes
}

// Arms itself again and again.
class Counter final : public EventListener {
 public:
  explicit Counter(Broadcaster* broadcaster) : broadcaster_(*broadcaster) {
    broadcaster_.Register(this);
    broadcaster_.Arm(this, broadcaster_.published_revision());
  }
  ~Counter() override { broadcaster_.Unregister(this); }
  void OnEvents() override {
    const int64_t revision = broadcaster_.published_revision();
    broadcaster_.Arm(this, revision);
    base::MutexLock lock(&mu_);
    revision_ = revision;
    told_.Signal();
  }
  void Await(int64_t revision) {
    base::MutexLock lock(&mu_);
    while (revision_ < revision) told_.Wait(&mu_);
  }

 private:
  Broadcaster& broadcaster_;
  base::Mutex mu_;
  base::CondVar told_;
  int64_t revision_ ABSL_GUARDED_BY(mu_) = 0;
};

TEST_F(WorkspaceTest, CommitsThatComeSeldomAreToldOnTheLentThread) {
  base::ManualClock clock;
  auto opened =
      Workspace::Open(options_, journal::NewMemoryJournal(std::string(32, 'a')), &clock, &ids_);
  ASSERT_TRUE(opened.ok());
  workspace_ = *std::move(opened);
  std::atomic<int> rounds{0};
  Executor lent(16, "lent");
  LentThread& thread = workspace_->broadcaster().lent_thread();
  thread.Lend([&](std::function<void()>&& task) {
    ++rounds;
    lent.Post([task = std::move(task)](const absl::Status&) { task(); });
    return true;
  });
  {
    Counter counter(&workspace_->broadcaster());
    const auto create = [&] {
      const absl::StatusOr<Outcome> outcome = Do(CommandOf(Operator(), Create("one")));
      ASSERT_TRUE(outcome.ok());
      counter.Await(outcome->revision);
    };
    create();
    EXPECT_EQ(rounds, 1) << "nothing was committed before";
    for (int i = 0; i < 10; ++i) create();
    EXPECT_EQ(rounds, 1) << "no time has passed";
    // The round before may not quite be over.
    while (rounds == 1) {
      clock.Advance(absl::Seconds(1));
      create();
    }
  }
  thread.Lend(nullptr);
  workspace_.reset();
}

TEST_F(WorkspaceTest, ADigestIsRefusedRatherThanEmpty) {
  OpenSqlite();
  const ViewPtr view = workspace_->view();
  workspace_->Stop();
  auto done = std::make_shared<Waitable<absl::StatusOr<std::string>>>();
  workspace_->ComputeDigest(view,
                            [done](absl::StatusOr<std::string> digest) { done->Set(digest); });
  EXPECT_FALSE(done->Get().ok());
}

TEST_F(WorkspaceTest, AReadThatWaitsForARevisionEndsWithTheDrain) {
  OpenSqlite();
  auto done = std::make_shared<Waitable<absl::StatusOr<ViewPtr>>>();
  workspace_->AwaitRevision(1000, base::MonoTime::InfiniteFuture(),
                            [done](absl::StatusOr<ViewPtr> view) { done->Set(view); });
  workspace_->Drain();
  EXPECT_EQ(base::ReasonOf(done->Get().status()), v1::ERROR_REASON_HUB_DRAINING);
}

}  // namespace
}  // namespace coordhub::engine
