// Texts and archived tickets: read from the store, never resident, counted and bounded.

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/core/limits.h"
#include "hub/engine/event_codec.h"
#include "hub/engine/stored_rows.h"
#include "hub/engine/text_store.h"
#include "hub/journal/store_key.h"
#include "tests/engine/workspace_fixture.h"
#include "tests/engine/writer_harness.h"

namespace coordhub::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// ---- reading, of a workspace that runs on a real journal ----

class TextTest : public WorkspaceTest {
 protected:
  absl::StatusOr<Texts> Read(const TextQuery& query) {
    auto done = std::make_shared<Waitable<absl::StatusOr<Texts>>>();
    workspace_->texts().Read(query, [done](absl::StatusOr<Texts> t) { done->Set(std::move(t)); });
    return done->Get();
  }
  std::string BodyOf(int64_t number) {
    const auto texts = Read({.number = number, .body = true});
    return texts.ok() ? texts->body : texts.status().ToString();
  }
  std::optional<v1::Ticket> Archived(int64_t number) {
    auto done = std::make_shared<Waitable<absl::StatusOr<std::optional<v1::Ticket>>>>();
    workspace_->texts().ReadArchived(number, [done](auto ticket) { done->Set(std::move(ticket)); });
    const auto ticket = done->Get();
    EXPECT_TRUE(ticket.ok()) << ticket.status();
    return ticket.ok() ? *ticket : std::nullopt;
  }
  std::vector<std::string> ListArchived(int64_t after, bool descending, size_t max) {
    auto done = std::make_shared<Waitable<absl::StatusOr<std::vector<v1::Ticket>>>>();
    workspace_->texts().ListArchived(after, descending, max,
                                     [done](auto tickets) { done->Set(std::move(tickets)); });
    const auto tickets = done->Get();
    EXPECT_TRUE(tickets.ok()) << tickets.status();
    std::vector<std::string> ids;
    for (const v1::Ticket& ticket : *tickets) {
      EXPECT_TRUE(ticket.archived());
      ids.push_back(ticket.ticket_id());
    }
    return ids;
  }

  int64_t CreateWith(const std::string& body) {
    v1::CreateTicketRequest request = Create("with a body");
    request.mutable_spec()->set_body(body);
    const auto made = Do(CommandOf(Operator(), request));
    EXPECT_TRUE(made.ok()) << made.status();
    return core::TicketNumber(made->events[0]->changes(0).ticket().ticket_id());
  }
  void SetBody(int64_t number, const std::string& body) {
    v1::UpdateTicketRequest request;
    request.set_ticket_id(core::TicketId(number));
    request.mutable_update_mask()->add_paths("body");
    request.mutable_spec()->set_body(body);
    EXPECT_TRUE(Do(CommandOf(Operator(), request)).ok());
  }
  void Comment(int64_t number, const std::string& text) {
    v1::AddCommentRequest request;
    request.set_ticket_id(core::TicketId(number));
    request.set_text(text);
    EXPECT_TRUE(Do(CommandOf(Operator(), request)).ok());
  }
  void Cancel(int64_t number) {
    v1::CancelTicketRequest request;
    request.set_ticket_id(core::TicketId(number));
    EXPECT_TRUE(Do(CommandOf(Operator(), request)).ok());
  }
};

TEST_F(TextTest, TextsAreReadWhereverTheyAre) {
  OpenSqlite();
  const int64_t number = CreateWith("first");
  const int64_t created = workspace_->view()->revision;
  EXPECT_EQ(BodyOf(number), "first");
  EXPECT_EQ(Read({.number = number, .body = true})->body_revision, created);
  Comment(number, "one");
  Comment(number, "two");
  Comment(number, "three");
  SetBody(number, "second");
  const auto check = [&] {
    const auto texts = Read({.number = number, .body = true, .newest_comment = 3, .comments = 2});
    ASSERT_TRUE(texts.ok()) << texts.status();
    EXPECT_EQ(texts->body, "second");
    EXPECT_EQ(texts->body_revision, created + 4);
    ASSERT_EQ(texts->comments.size(), 2u);
    EXPECT_EQ(texts->comments[0].text(), "two");
    EXPECT_EQ(texts->comments[1].number(), 3);
  };
  check();
  OpenSqlite();  // from the disk alone
  EXPECT_EQ(workspace_->texts().cached_bytes(), 0u);
  check();
  SetBody(number, "");
  EXPECT_EQ(BodyOf(number), "");
  OpenSqlite();
  EXPECT_EQ(BodyOf(number), "");
  Verify();
}

TEST_F(TextTest, WhoWasAnsweredReadsWhatItWrote) {
  OpenSqlite();
  const int64_t number = CreateWith("0");
  for (int i = 1; i <= 200; ++i) {
    SetBody(number, absl::StrCat(i));
    ASSERT_EQ(BodyOf(number), absl::StrCat(i)) << "answered, and an older body is read";
  }
}

TEST_F(TextTest, CommentsAreReadAsFarAsTheyFitButOneAtLeast) {
  OpenSqlite();
  const int64_t number = CreateWith("");
  for (int i = 0; i < 4; ++i) Comment(number, std::string(1000, 'x'));
  const auto read = [&](size_t bytes) {
    return Read({.number = number, .newest_comment = 4, .comments = 4, .comment_bytes = bytes})
        ->comments.size();
  };
  EXPECT_EQ(read(1 << 20), 4u);
  EXPECT_EQ(read(2500), 2u);
  EXPECT_EQ(read(1), 1u);
}

TEST_F(TextTest, ATextThatIsNotThereIsDamageAndNoEmptyText) {
  OpenSqlite();
  const int64_t number = CreateWith("");
  EXPECT_EQ(base::ReasonOf(Read({.number = number, .body = true}).status()),
            v1::ERROR_REASON_JOURNAL_DAMAGED);
  EXPECT_EQ(base::ReasonOf(Read({.number = number, .newest_comment = 1, .comments = 1}).status()),
            v1::ERROR_REASON_JOURNAL_DAMAGED);
}

TEST_F(TextTest, BodiesInMemoryAreBounded) {
  constexpr size_t kBytes = 64 << 10;
  const auto journal = journal::NewMemoryJournal(std::string(32, 'a'));
  TextStore texts(journal.get(), kBytes);
  for (int i = 1; i <= 100; ++i) {
    v1::Event event;
    event.set_revision(i);
    auto& body = *event.add_changes()->mutable_ticket_body();
    body.set_ticket_id(core::TicketId(i));
    body.set_text(std::string(4000, 'x'));
    texts.Follow({Encode(std::make_shared<const v1::Event>(event))});
    EXPECT_LE(texts.cached_bytes(), kBytes);
  }
  EXPECT_GT(texts.cached_bytes(), kBytes / 2);
  // The newest are there; the oldest are not, in the journal neither.
  bool found = false;
  texts.Read({.number = 100, .body = true}, [&](const auto& text) { found = text.ok(); });
  EXPECT_TRUE(found);
  Waitable<absl::Status> missed;
  texts.Read({.number = 1, .body = true}, [&](const auto& text) { missed.Set(text.status()); });
  EXPECT_FALSE(missed.Get().ok());
}

TEST_F(TextTest, ArchivedTicketsAreReadByIdAndInPagesBothWays) {
  options_.archiving.keep_at_most = 0;
  options_.archiving.retention = absl::InfiniteDuration();
  OpenSqlite();
  std::vector<int64_t> numbers;
  for (int i = 0; i < 5; ++i) {
    numbers.push_back(CreateWith(absl::StrCat("body ", i)));
    Comment(numbers.back(), "a comment");
    Cancel(numbers.back());
  }
  // The writer does it by itself, after a pause.
  for (ViewPtr view = workspace_->view(); view->records.archived_tickets < 5;) {
    auto later = std::make_shared<Waitable<absl::StatusOr<ViewPtr>>>();
    workspace_->AwaitRevision(view->revision + 1, base::MonoTime::InfiniteFuture(),
                              [later](absl::StatusOr<ViewPtr> reached) { later->Set(reached); });
    const auto reached = later->Get();
    ASSERT_TRUE(reached.ok()) << reached.status();
    view = *reached;
  }
  EXPECT_FALSE(Archived(999).has_value());
  const auto check = [&] {
    const std::optional<v1::Ticket> ticket = Archived(numbers[2]);
    ASSERT_TRUE(ticket.has_value());
    EXPECT_TRUE(ticket->archived());
    EXPECT_EQ(ticket->state(), v1::Ticket::STATE_CANCELLED);
    EXPECT_EQ(BodyOf(numbers[2]), "body 2");
    EXPECT_THAT(ListArchived(0, /*descending=*/false, 2), ElementsAre("T-1", "T-2"));
    EXPECT_THAT(ListArchived(2, /*descending=*/false, 10), ElementsAre("T-3", "T-4", "T-5"));
    EXPECT_THAT(ListArchived(5, /*descending=*/false, 10), IsEmpty());
    EXPECT_THAT(ListArchived(0, /*descending=*/true, 2), ElementsAre("T-5", "T-4"));
    EXPECT_THAT(ListArchived(2, /*descending=*/true, 10), ElementsAre("T-1"));
  };
  check();
  ASSERT_TRUE(Compact(0).ok());
  OpenSqlite();
  EXPECT_EQ(workspace_->view()->records.archived_tickets, 5);
  EXPECT_EQ(workspace_->Describe().archived_tickets(), 5);
  check();
  Verify();
}

// ---- what older versions wrote ----

TEST_F(TextTest, TextsOfOlderVersionsAreInTheStoreAfterTheFirstStart) {
  // A snapshot that holds texts, and events with texts after it, in a journal without a store.
  auto journal = journal::NewMemoryJournal(
      journal::MemoryOptions{std::string(32, 'a'), /*store_incomplete=*/true});
  const auto event_with = [](int64_t revision, const std::string& text) {
    v1::Event event;
    event.set_revision(revision);
    event.set_commit_revision(revision);
    event.set_kind(v1::EVENT_KIND_TICKET_UPDATED);
    event.set_actor("operator");
    auto& body = *event.add_changes()->mutable_ticket_body();
    body.set_ticket_id(core::TicketId(revision));
    body.set_text(text);
    auto& ticket = *event.add_changes()->mutable_ticket();
    ticket.set_ticket_id(core::TicketId(revision));
    ticket.set_state(v1::Ticket::STATE_OPEN);
    ticket.set_has_body(true);
    return journal::Entry{revision, revision, event.SerializeAsString(), ""};
  };
  ASSERT_TRUE(journal->Append({event_with(1, "early"), event_with(2, "late")}).ok());
  journal::v1::SnapshotHeader header;
  header.set_log_id(std::string(32, 'a'));
  header.set_revision(1);
  header.set_last_ticket_number(1);
  header.set_record_count(3);
  ASSERT_TRUE(journal
                  ->SaveSnapshot(header,
                                 [](const auto& write) {
                                   journal::v1::SnapshotRecord record;
                                   auto& ticket = *record.mutable_record()->mutable_ticket();
                                   ticket.set_ticket_id("T-1");
                                   ticket.set_state(v1::Ticket::STATE_OPEN);
                                   ticket.set_has_body(true);
                                   ticket.set_comment_count(1);
                                   absl::Status status = write(record);
                                   auto& body = *record.mutable_record()->mutable_ticket_body();
                                   body.set_ticket_id("T-1");
                                   body.set_text("early");
                                   status.Update(write(record));
                                   auto& comment = *record.mutable_record()->mutable_comment();
                                   comment.set_ticket_id("T-1");
                                   comment.set_number(1);
                                   comment.set_text("a comment");
                                   status.Update(write(record));
                                   return status;
                                 })
                  .ok());
  Open(std::move(journal));
  EXPECT_EQ(BodyOf(1), "early");
  EXPECT_EQ(BodyOf(2), "late");
  const auto texts = Read({.number = 1, .newest_comment = 1, .comments = 1});
  ASSERT_TRUE(texts.ok()) << texts.status();
  EXPECT_EQ(texts->comments[0].text(), "a comment");
  EXPECT_EQ(BodyOf(CreateWith("now")), "now");
}

// ---- when, on a virtual clock ----

class ArchivingTest : public ::testing::Test {
 protected:
  void Cancel(const std::string& id) {
    v1::CancelTicketRequest request;
    request.set_ticket_id(id);
    EXPECT_TRUE(hub_.RunOne(CommandOf(Operator(), request))->outcome.ok());
  }
  int64_t archived() const { return hub_.view_->records.archived_tickets; }

  WriterHarness hub_;
};

TEST_F(ArchivingTest, AFinishedTicketLeavesTheStateAfterItsRetention) {
  hub_.CreateTicket("stays");
  const std::string id = hub_.CreateTicket("goes");
  Cancel(id);
  hub_.clock_.Advance(absl::Hours(24 * 30) - absl::Seconds(1));
  hub_.Run();
  EXPECT_EQ(archived(), 0);
  // The writer wakes for it.
  ASSERT_TRUE(hub_.writer_->NextDue().has_value());
  EXPECT_LE(*hub_.writer_->NextDue() - hub_.lease_clock_->Now(), absl::Seconds(1));
  hub_.Advance(absl::Seconds(1));
  EXPECT_EQ(archived(), 1);
  EXPECT_EQ(hub_.published_.back()->kind(), v1::EVENT_KIND_TICKETS_ARCHIVED);
  EXPECT_EQ(hub_.published_.back()->actor(), "hub:archive");
  EXPECT_FALSE(hub_.writer_->NextDue().has_value()) << "nothing else ever falls due";
}

TEST_F(ArchivingTest, TheOldestGoWhenTooManyAreFinishedSomeAtATime) {
  hub_.archiving_.keep_at_most = 10;
  hub_.Restart();
  for (int i = 0; i < 250; ++i) Cancel(hub_.CreateTicket("t"));
  EXPECT_LE(archived(), core::limits::kArchivedPerCommand) << "the clock stands still";
  while (archived() < 240) hub_.Advance(Archiving::kPause);
  hub_.Advance(absl::Minutes(2));
  EXPECT_EQ(archived(), 240);
  for (const auto& event : hub_.published_) {
    EXPECT_LE(event->changes_size(), core::limits::kArchivedPerCommand);
  }
}

TEST_F(ArchivingTest, TicketsThatOthersWaitForAreLookedAtAgainLater) {
  hub_.archiving_.keep_at_most = 0;
  hub_.Restart();
  const std::string id = hub_.CreateTicket("wanted");
  v1::CreateTicketRequest dependent = Create("waits");
  dependent.mutable_spec()->add_dependencies()->set_ticket_id(id);
  EXPECT_TRUE(hub_.RunOne(CommandOf(Operator(), dependent))->outcome.ok());
  Cancel(id);
  hub_.Run();
  EXPECT_EQ(archived(), 0);
  ASSERT_TRUE(hub_.writer_->NextDue().has_value());
  EXPECT_GT(*hub_.writer_->NextDue() - hub_.lease_clock_->Now(), absl::Seconds(1)) << "no spinning";
  Cancel("T-2");
  hub_.Advance(Archiving::kRest);
  EXPECT_EQ(archived(), 2);
}

TEST_F(ArchivingTest, AFullDiskUndoesItAndItIsDoneLater) {
  hub_.archiving_.keep_at_most = 0;
  hub_.Restart();
  const std::string id = hub_.CreateTicket("t");
  hub_.journal_->on_append = [](const auto&) {
    return base::MakeError(v1::ERROR_REASON_DISK_FULL, "full");
  };
  v1::CancelTicketRequest cancel;
  cancel.set_ticket_id(id);
  hub_.RunOne(CommandOf(Operator(), cancel));
  EXPECT_EQ(hub_.state_->records().archived_tickets, 0);
  EXPECT_NE(hub_.state_->FindTicket(1), nullptr);
  hub_.journal_->on_append = nullptr;
  hub_.Advance(absl::Seconds(1));
  Cancel(id);
  hub_.Advance(absl::Minutes(2));
  EXPECT_EQ(archived(), 1);
}

TEST_F(ArchivingTest, TheQuotaCountsTheStoreAndTheBatchUnderWay) {
  hub_.text_quota_ = 1000;
  hub_.Restart();
  v1::CreateTicketRequest create = Create("t");
  create.mutable_spec()->set_body(std::string(300, 'x'));
  std::vector<WriterHarness::ReplyPtr> replies;
  for (int i = 0; i < 4; ++i) replies.push_back(hub_.Add(CommandOf(Operator(), create)));
  hub_.Run();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(replies[static_cast<size_t>(i)]->outcome.ok()) << i;
  EXPECT_EQ(replies[3]->reason(), v1::ERROR_REASON_QUOTA);
  EXPECT_EQ(hub_.RunOne(CommandOf(Operator(), create))->reason(), v1::ERROR_REASON_QUOTA);
  hub_.CreateTicket("without text");
  hub_.text_quota_ = 2000;
  hub_.Restart();
  EXPECT_TRUE(hub_.RunOne(CommandOf(Operator(), create))->outcome.ok());
}

}  // namespace
}  // namespace coordhub::engine
