// A year of use in minutes: what a workspace keeps in memory does not grow with its age, and what
// left is still there to read. COORDHUB_YEAR=365 runs it in full (about 20 GB of disk); the suite
// runs a few days with a retention in proportion.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/manual_clock.h"
#include "hub/engine/replay.h"
#include "tests/engine/workspace_fixture.h"

namespace coordhub::engine {
namespace {

struct Year {
  int days = 8;
  int tickets_a_day = 200;
  int agents = 5;
  size_t body_bytes = 8192;
  absl::Duration retention = absl::Hours(24 * 2);
  int64_t keep_at_most = 300;
  int64_t retained_events = 2000;
};

Year TheYear() {
  const char* days = std::getenv("COORDHUB_YEAR");
  if (days == nullptr) return {};
  return {std::atoi(days), 5000, 50, 8192, absl::Hours(24 * 30), 50'000, 200'000};
}

int64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t size = 0;
  int64_t resident = 0;
  statm >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

class YearTest : public WorkspaceTest {
 protected:
  void OpenYear() {
    workspace_.reset();
    options_.archiving = {year_.retention, year_.keep_at_most};
    options_.text_quota = 0;
    options_.retained_events = year_.retained_events;
    auto journal = journal::OpenSqliteJournal(SqliteAt("state"));
    ASSERT_TRUE(journal.ok()) << journal.status();
    auto opened = Workspace::Open(options_, *std::move(journal), &virtual_, &ids_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    workspace_ = std::move(*opened);
  }

  // Does them side by side, and waits for all. Returns what they came to.
  std::vector<absl::StatusOr<Outcome>> DoAll(std::vector<std::unique_ptr<core::Command>> commands) {
    struct All {
      std::vector<absl::StatusOr<Outcome>> outcomes;
      std::atomic<size_t> left;
      Waitable<bool> over;
    };
    auto all = std::make_shared<All>();
    all->outcomes.assign(commands.size(), absl::UnknownError("not answered"));
    all->left = commands.size();
    for (size_t i = 0; i < commands.size(); ++i) {
      workspace_->Submit(std::move(commands[i]), base::MonoTime::InfiniteFuture(),
                         [all, i](absl::StatusOr<Outcome> outcome) {
                           all->outcomes[i] = std::move(outcome);
                           if (--all->left == 0) all->over.Set(true);
                         });
    }
    all->over.Get();
    return std::move(all->outcomes);
  }

  // So many tickets are made, claimed and done.
  void Work(int tickets) {
    const std::string body(year_.body_bytes, 'x');
    std::vector<std::unique_ptr<core::Command>> commands;
    for (int i = 0; i < tickets; ++i) {
      v1::CreateTicketRequest create = Create("a day's work");
      create.mutable_spec()->set_body(body);
      commands.push_back(CommandOf(Operator(), create));
    }
    for (const auto& made : DoAll(std::move(commands))) ASSERT_TRUE(made.ok()) << made.status();
    PassAMoment();
    commands.clear();
    for (int i = 0; i < tickets; ++i) commands.push_back(CommandOf(Agent(i), ClaimNext()));
    const auto claimed = DoAll(std::move(commands));
    PassAMoment();
    commands.clear();
    for (int i = 0; i < tickets; ++i) {
      const auto& claim = claimed[static_cast<size_t>(i)];
      ASSERT_TRUE(claim.ok()) << claim.status();
      ASSERT_FALSE(claim->events.empty());
      const v1::Ticket& ticket = claim->events[0]->changes(0).ticket();
      commands.push_back(CommandOf(Agent(i), Complete(ticket.ticket_id(), ticket.claim().fence())));
    }
    for (const auto& done : DoAll(std::move(commands))) ASSERT_TRUE(done.ok()) << done.status();
  }
  core::Caller Agent(int i) const { return Session(absl::StrCat("uid-", i % year_.agents)); }

  // As much as the writer waits between two commands that archive. Where hours pass at once, the
  // hub counts as one that did not run.
  void PassAMoment() { virtual_.Advance(2 * Archiving::kPause); }
  // Until nothing is left to archive.
  void ComeToRest() {
    const auto finished = [&] {
      return workspace_->view()->records.ticket_counts[v1::Ticket::STATE_DONE];
    };
    while (finished() > year_.keep_at_most) {
      PassAMoment();
      ASSERT_TRUE(Do(CommandOf(Agent(0), ClaimNext())).ok());  // there is no work
    }
  }

  void LiveADay() {
    constexpr int kAtOnce = 100;
    const int rounds = year_.tickets_a_day / kAtOnce;
    for (int round = 0; round < rounds; ++round) {
      virtual_.Advance(absl::Hours(24) / rounds);
      for (int i = 0; i < year_.agents; ++i) {
        ASSERT_TRUE(workspace_->TouchSession(absl::StrCat("uid-", i)).ok());
      }
      Work(kAtOnce);
    }
  }

  std::vector<v1::Ticket> ListArchived(int64_t after) {
    auto done = std::make_shared<Waitable<absl::StatusOr<std::vector<v1::Ticket>>>>();
    workspace_->texts().ListArchived(after, /*descending=*/false, 1000,
                                     [done](auto tickets) { done->Set(std::move(tickets)); });
    const auto tickets = done->Get();
    EXPECT_TRUE(tickets.ok()) << tickets.status();
    return tickets.ok() ? *tickets : std::vector<v1::Ticket>();
  }

  const Year year_ = TheYear();
  base::ManualClock virtual_;
};

TEST_F(YearTest, MemoryStaysFlatAndEveryArchivedTicketIsReadable) {
  const bool in_full = std::getenv("COORDHUB_YEAR") != nullptr;
  OpenYear();
  for (int i = 0; i < year_.agents; ++i) {
    ASSERT_TRUE(
        Do(RegisterCommand(absl::StrCat("a", i), absl::StrCat("uid-", i), absl::Hours(24))).ok());
  }
  const int settled = year_.days / 4;
  size_t most = 0;
  int64_t resident_then = 0;
  for (int day = 0; day < year_.days; ++day) {
    LiveADay();
    if (HasFatalFailure()) return;
    const size_t resident = workspace_->view()->records.of<core::tables::Tickets>().size();
    most = std::max(most, resident);
    if (day == settled) resident_then = ResidentBytes();
    if (in_full && day % 10 == 0) {
      std::cout << "day " << day << " tickets in the state " << resident << " resident "
                << (ResidentBytes() >> 20) << " MiB text "
                << (workspace_->Describe().text_bytes() >> 20) << " MiB" << std::endl;
    }
  }
  const int64_t made = int64_t{year_.days} * year_.tickets_a_day;
  // Those of a day may wait for their turn.
  EXPECT_LE(most, static_cast<size_t>(year_.keep_at_most + year_.tickets_a_day));
  if (in_full) {
    std::cout << "resident after " << settled << " days " << (resident_then >> 20)
              << " MiB, at the end " << (ResidentBytes() >> 20) << " MiB" << std::endl;
    EXPECT_LE(ResidentBytes(), resident_then + resident_then / 10);
  }

  ComeToRest();
  const ViewPtr before = workspace_->view();
  EXPECT_EQ(before->last_ticket_number, made);
  const std::string digest = core::Digest(*before);
  const absl::Time began = absl::Now();
  OpenYear();
  if (in_full) std::cout << "restart " << absl::Now() - began << std::endl;
  EXPECT_EQ(core::Digest(*workspace_->view()), digest);
  EXPECT_EQ(Verify().digest, digest);

  const int64_t archived = before->records.archived_tickets;
  EXPECT_GE(archived, made - year_.keep_at_most - year_.tickets_a_day);
  int64_t listed = 0;
  for (int64_t after = 0;;) {
    const std::vector<v1::Ticket> page = ListArchived(after);
    if (page.empty()) break;
    for (const v1::Ticket& ticket : page) {
      ASSERT_TRUE(before->records.IsArchived(core::TicketNumber(ticket.ticket_id())));
      ASSERT_EQ(ticket.state(), v1::Ticket::STATE_DONE);
    }
    listed += static_cast<int64_t>(page.size());
    after = core::TicketNumber(page.back().ticket_id());
    // One of each page with its text, which is in no memory.
    auto text = std::make_shared<Waitable<absl::StatusOr<Texts>>>();
    workspace_->texts().Read({.number = after, .body = true},
                             [text](auto texts) { text->Set(std::move(texts)); });
    const auto read = text->Get();
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->body.size(), year_.body_bytes);
  }
  EXPECT_EQ(listed, archived);
}

}  // namespace
}  // namespace coordhub::engine
