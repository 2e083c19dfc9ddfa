// What a released version wrote is read by this one: a journal with every kind of event that was
// made then, private bytes and a snapshot, and the records that they come to. Such a journal is
// never changed; a version that makes other events adds one:
//
//   COORDHUB_GOLDEN=DIR engine_test --gtest_filter=GoldenTest.*
//
// writes DIR/state and DIR/records.txt. journal.sql is what `.dump` of the sqlite3 program says of
// the journal there, begun with the two PRAGMAs that say whose file it is; snapshot.hex has the
// snapshot's revision, and its bytes.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/sha256.h"
#include "google/protobuf/text_format.h"
#include "hub/engine/complete_store.h"
#include "hub/engine/event_codec.h"
#include "hub/engine/stored_rows.h"
#include "hub/journal/file_system.h"
#include "hub/journal/store_key.h"
#include "tests/engine/writer_harness.h"
#include "tests/journal/harness.h"
#include "tests/journal/raw_database.h"

namespace coordhub::engine {
namespace {

// Kinds of what this version does not have.
const std::set<v1::EventKind>& NotMadeYet() {
  static const auto& kinds = *new std::set<v1::EventKind>{
      v1::EVENT_KIND_UNSPECIFIED,
      v1::EVENT_KIND_TICKET_INTEGRATED,
      v1::EVENT_KIND_RESERVATION_ACQUIRED,
      v1::EVENT_KIND_RESERVATION_RELEASED,
      v1::EVENT_KIND_RESERVATION_LOST,
      v1::EVENT_KIND_RESERVATION_TRANSFERRED,
      v1::EVENT_KIND_RESERVATIONS_FORGOTTEN,
      v1::EVENT_KIND_MESSAGE_SENT,
      v1::EVENT_KIND_MESSAGE_ACKNOWLEDGED,
      v1::EVENT_KIND_MESSAGES_DELIVERED,
      v1::EVENT_KIND_MESSAGES_FORGOTTEN,
      v1::EVENT_KIND_CONFLICTS_CHANGED,
      v1::EVENT_KIND_ROUND_OPENED,
      v1::EVENT_KIND_ROUND_CHANGED,
      v1::EVENT_KIND_ROUND_READY,
      v1::EVENT_KIND_ROUND_REOPENED,
      v1::EVENT_KIND_ROUND_INTEGRATING,
      v1::EVENT_KIND_ROUND_CONVERGED,
      v1::EVENT_KIND_ROUND_FAILED,
      v1::EVENT_KIND_ROUND_CANCELLED,
      v1::EVENT_KIND_ROUNDS_FORGOTTEN,
  };
  return kinds;
}

// A journal that is kept, and the kinds that its version did not have.
struct Golden {
  std::string name;
  std::set<v1::EventKind> lacks;
};

const std::vector<Golden>& Goldens() {
  static const auto& all = *new std::vector<Golden>{
      {"0.1.0",
       {v1::EVENT_KIND_TICKETS_ARCHIVED, v1::EVENT_KIND_OPERATION_STARTED,
        v1::EVENT_KIND_OPERATION_CHANGED, v1::EVENT_KIND_OPERATION_FINISHED,
        v1::EVENT_KIND_OPERATIONS_FORGOTTEN}},
      {"format-3", {}},
  };
  return all;
}

std::set<std::string> KindsMade(const Golden& golden) {
  std::set<std::string> names;
  const auto& kinds = *google::protobuf::GetEnumDescriptor<v1::EventKind>();
  for (int i = 0; i < kinds.value_count(); ++i) {
    const auto kind = static_cast<v1::EventKind>(kinds.value(i)->number());
    if (NotMadeYet().contains(kind) || golden.lacks.contains(kind)) continue;
    names.insert(v1::EventKind_Name(kind));
  }
  return names;
}

// Every record of a view, one a line.
std::string RecordsAsText(const core::View& view) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  core::ForEachSnapshotRecord(view, [&](const journal::v1::SnapshotRecord& record) {
    std::string line;
    journal::v1::SnapshotRecord shown = record;
    // Snapshots of format 1 lack the answers of remembered requests.
    if (shown.has_request()) shown.mutable_request()->clear_events();
    EXPECT_TRUE(printer.PrintToString(shown, &line));
    absl::StrAppend(&text, line, "\n");
    return true;
  });
  return text;
}

// Every text of the store, one a line, as snapshots of format 1 and 2 held them.
std::string TextsAsText(journal::Journal* journal) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  const auto rows = journal->NewArchiveReader()->Scan({.space = journal::Space::kText});
  EXPECT_TRUE(rows.ok()) << rows.status();
  for (const journal::StoreRow& row : *rows) {
    journal::v1::SnapshotRecord shown;
    if (row.key.size() == journal::KeyOf(1).size()) {
      *shown.mutable_record()->mutable_ticket_body() = FromStore<v1::TicketBody>(row.value)->record;
    } else {
      *shown.mutable_record()->mutable_comment() = FromStore<v1::Comment>(row.value)->record;
    }
    std::string line;
    EXPECT_TRUE(printer.PrintToString(shown, &line));
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

std::multiset<std::string> Sorted(const std::string& lines) {
  const std::vector<std::string> all = absl::StrSplit(lines, '\n', absl::SkipEmpty());
  return {all.begin(), all.end()};
}

std::unique_ptr<core::State> FoldOf(journal::Journal* journal, FoldFrom from, int64_t revision) {
  absl::StatusOr<FoldResult> fold = Fold(journal, from, revision, base::Now(),
                                         [](const std::string& note) { ADD_FAILURE() << note; });
  EXPECT_TRUE(fold.ok()) << fold.status();
  return fold.ok() ? std::move(fold->state) : std::make_unique<core::State>();
}

std::string Stored(const std::string& version, const std::string& name) {
  const char* source = std::getenv("COORDHUB_SOURCE_DIR");
  return journal::ReadBytes(
      absl::StrCat(source == nullptr ? "." : source, "/tests/engine/golden/", version, "/", name));
}

// ---- how such a journal is made ----

// Does, once at least, everything that makes events.
class Deeds {
 public:
  void Do() {
    Agents();
    Tickets();
    Ends();
    Others();
  }
  WriterHarness& hub() { return hub_; }

 private:
  template <class Request>
  v1::Ticket As(core::Caller caller, Request request) {
    const auto reply = hub_.RunOne(CommandOf(std::move(caller), std::move(request)));
    EXPECT_TRUE(reply->outcome.ok()) << reply->outcome.status();
    return reply->outcome.ok() ? reply->ticket() : v1::Ticket();
  }
  template <class Request>
  static Request About(const std::string& ticket_id) {
    Request request;
    request.set_ticket_id(ticket_id);
    return request;
  }
  v1::FailTicketRequest Failed(const std::string& ticket_id) {
    const v1::Ticket claimed = As(Session("uid-a"), About<v1::ClaimTicketRequest>(ticket_id));
    auto fail = About<v1::FailTicketRequest>(ticket_id);
    fail.set_fence(claimed.claim().fence());
    fail.set_reason("does not build");
    return fail;
  }

  void Agents() {
    hub_.Register("conversation-1", "uid-a", absl::Hours(1));
    hub_.Register("conversation-2", "uid-b", absl::Seconds(30));
    hub_.Register("conversation-3", "uid-c", absl::Hours(1));
    auto resumed = RegisterCommand("conversation-1", "uid-x", absl::Hours(1));
    resumed->caller = Session("uid-a");
    std::get<core::RegisterAgent>(resumed->body).request.set_branch("conversation-1");
    EXPECT_TRUE(hub_.RunOne(std::move(resumed))->outcome.ok());
    EXPECT_TRUE(
        hub_.RunOne(CommandOf(Session("uid-c"), v1::DeregisterAgentRequest()))->outcome.ok());
  }

  void Tickets() {
    v1::CreateTicketRequest create = Create("Mend the fence", 1);
    create.set_request_id("once");
    create.mutable_spec()->set_body("All of it.\n");
    create.mutable_spec()->add_labels("outdoors");
    create.mutable_spec()->add_paths("fence/**");
    As(Operator(), create);
    v1::BatchCreateTicketsRequest batch;
    batch.add_tickets()->mutable_spec()->set_title("Paint the fence");
    batch.mutable_tickets(0)->mutable_spec()->add_dependencies()->set_ticket_id("T-1");
    batch.add_tickets()->mutable_spec()->set_title("Part of work 3");
    batch.mutable_tickets(1)->mutable_spec()->set_parent_ticket_id("@whole");
    for (int i = 0; i < 5; ++i) {
      auto* spec = batch.add_tickets()->mutable_spec();
      spec->set_title(absl::StrCat("Work ", i));
      spec->set_max_attempts(i == 0 ? 1 : 3);
      if (i == 3) batch.mutable_tickets(5)->set_local_id("whole");  // T-7
    }
    As(Operator(), batch);
    auto update = About<v1::UpdateTicketRequest>("T-1");
    update.mutable_spec()->set_title("Mend the whole fence");
    update.mutable_spec()->set_body("All of it, and the gate.\n");
    update.mutable_update_mask()->add_paths("title");
    update.mutable_update_mask()->add_paths("body");
    As(Operator(), update);
    auto comment = About<v1::AddCommentRequest>("T-1");
    comment.set_text("The gate, too?");
    comment.set_request_id("comment");
    EXPECT_TRUE(hub_.RunOne(CommandOf(Session("uid-a"), comment))->outcome.ok());
    const v1::Ticket claimed = As(Session("uid-a"), About<v1::ClaimTicketRequest>("T-1"));
    v1::CompleteTicketRequest complete = Complete("T-1", claimed.claim().fence());
    complete.set_commit("0123456789abcdef0123456789abcdef01234567");
    complete.set_summary("three new posts");
    As(Session("uid-a"), complete);
  }

  // All other ways in which a claim and a ticket end.
  void Ends() {
    const v1::Ticket claimed = As(Session("uid-a"), About<v1::ClaimTicketRequest>("T-3"));
    auto release = About<v1::ReleaseTicketRequest>("T-3");
    release.set_fence(claimed.claim().fence());
    As(Session("uid-a"), release);
    As(Operator(), About<v1::ReopenTicketRequest>("T-1"));
    As(Session("uid-a"), Failed("T-4"));  // its only attempt: buried
    As(Session("uid-a"), Failed("T-5"));  // to be tried again
    auto for_good = Failed("T-6");
    for_good.set_final(true);
    As(Session("uid-a"), for_good);
    As(Operator(), About<v1::CancelTicketRequest>("T-7"));
    As(Session("uid-b"), About<v1::ClaimTicketRequest>("T-8"));
    hub_.Advance(absl::Seconds(31));  // of uid-b nothing was heard
  }

  void Others() {
    core::ObserveBranches observed;
    for (const char* name : {"conversation-1", "task-1"}) {
      v1::Branch& branch = observed.seen.emplace_back();
      branch.set_branch(name);
      branch.set_commit("89abcdef0123456789abcdef0123456789abcdef");
      branch.set_target("main");
      branch.set_ahead(2);
    }
    Run(core::Caller::Hub("coordinator"), observed);
    Run(core::Caller::Hub("coordinator"), core::ObserveBranches{{}, {"task-1"}});
    core::ImportLines lines;
    lines.file_id = "generation-1";
    lines.end_offset = 20;
    lines.tickets.add_tickets()->mutable_spec()->set_title("appended by a script");
    Run(core::Caller::File("tickets.md"), lines);
    Operations();
    Run(core::Caller::Hub("archive"), core::ArchiveTickets{.keep_at_most = 1});
    Run(core::Caller::Hub("restore"),
        core::EndAllSessions{"the workspace was restored from a backup"});
  }
  void Operations() {
    Run(Operator(), core::BeginOperation{v1::Operation::KIND_BACKUP, "/backups/monday"});
    Run(core::Caller::Hub("operations"), core::NoteOperation{"O-1", 40, "copies events"});
    Run(core::Caller::Hub("operations"),
        core::EndOperation{"O-1", v1::Operation::STATE_FAILED, "", "no space left"});
    Run(Operator(), core::BeginOperation{v1::Operation::KIND_VERIFY, ""});
  }
  void Run(const core::Caller& caller, core::CommandBody body) {
    auto command =
        std::make_unique<core::Command>(core::Command{.caller = caller, .body = std::move(body)});
    EXPECT_TRUE(hub_.RunOne(std::move(command))->outcome.ok());
  }

  WriterHarness hub_;
};

// What only ten thousand agents bring about: the record of one is erased.
journal::Entry Forgetting(int64_t revision) {
  v1::Event event;
  event.set_revision(revision);
  event.set_commit_revision(revision);
  event.set_kind(v1::EVENT_KIND_AGENT_FORGOTTEN);
  event.set_actor("operator");
  event.add_changes()->mutable_agent()->set_agent_id("conversation-3");
  event.mutable_changes(0)->set_erased(true);
  return {revision, revision, event.SerializeAsString(), ""};
}

// Likewise what only a thousand operations bring about.
journal::Entry ForgettingAnOperation(int64_t revision) {
  v1::Event event;
  event.set_revision(revision);
  event.set_commit_revision(revision);
  event.set_kind(v1::EVENT_KIND_OPERATIONS_FORGOTTEN);
  event.set_actor("hub:operations");
  event.add_changes()->mutable_operation()->set_operation_id("O-1");
  event.mutable_changes(0)->set_erased(true);
  return {revision, revision, event.SerializeAsString(), ""};
}

// All rows of a store.
std::vector<journal::StoreChange> RowsOf(journal::Journal* journal) {
  std::vector<journal::StoreChange> rows;
  for (const journal::Space space : journal::kSpaces) {
    const auto scanned = journal->NewArchiveReader()->Scan({.space = space});
    EXPECT_TRUE(scanned.ok()) << scanned.status();
    for (const journal::StoreRow& row : *scanned) rows.push_back({space, row.key, row.value});
  }
  return rows;
}

absl::Status SaveSnapshot(journal::Journal* journal, const core::View& view) {
  journal::v1::SnapshotHeader header = core::MakeSnapshotHeader(view);
  header.set_log_id(journal->identity().log_id);
  header.set_digest(core::Digest(view));
  header.set_written_by("0.1.0");
  return journal->SaveSnapshot(header, [&view](const auto& write) {
    absl::Status status;
    core::ForEachSnapshotRecord(view, [&](const journal::v1::SnapshotRecord& record) {
      status = write(record);
      return status.ok();
    });
    return status;
  });
}

void WriteGolden(const std::string& directory) {
  Deeds deeds;
  deeds.Do();
  std::vector<journal::Entry> entries;
  ASSERT_TRUE(deeds.hub().journal_->NewReader()->Read(0, 1000, SIZE_MAX, &entries).ok());
  entries.push_back(Forgetting(entries.back().revision + 1));
  entries.push_back(ForgettingAnOperation(entries.back().revision + 1));
  entries.back().store = RowsOf(deeds.hub().journal_.get());
  base::SequenceIdSource ids(1);
  journal::SqliteOptions options;
  options.state_dir = directory + "/state";
  options.version = "0.1.0";
  options.ids = &ids;
  std::filesystem::create_directories(directory);
  const auto journal = journal::OpenSqliteJournal(options);
  ASSERT_TRUE(journal.ok()) << journal.status();
  ASSERT_TRUE((*journal)->Append(entries).ok());
  int64_t middle = 0;
  for (const journal::Entry& entry : entries) {
    const bool in_first_half = entry.revision <= entries.back().revision / 2;
    if (in_first_half) middle = std::max(middle, entry.commit_revision);
  }
  const auto half = FoldOf(journal->get(), FoldFrom::kBeginning, middle);
  ASSERT_TRUE(SaveSnapshot(journal->get(), *half->MakeView()).ok());
  const auto whole = FoldOf(journal->get(), FoldFrom::kBeginning, entries.back().revision);
  journal::WriteBytes(directory + "/records.txt",
                      RecordsAsText(*whole->MakeView()) + TextsAsText(journal->get()));
  ASSERT_TRUE((*journal)->Checkpoint(/*force=*/true).ok());
}

void ReadGolden(const Golden& golden) {
  SCOPED_TRACE(golden.name);
  const std::string& version = golden.name;
  journal::JournalOnDisk disk;
  ASSERT_TRUE(journal::PrepareStateDirectory(disk.state_dir()).ok());
  ASSERT_TRUE(journal::PrepareStateDirectory(disk.state_dir() + "/snapshots").ok());
  journal::RunSql(disk.database(), Stored(version, "journal.sql"));
  // Its revision, and its bytes.
  std::istringstream snapshot(Stored(version, "snapshot.hex"));
  int64_t snapshot_revision = 0;
  std::string hex;
  snapshot >> snapshot_revision >> hex;
  journal::WriteBytes(disk.snapshot(snapshot_revision), base::HexDecode(hex).value());

  const auto journal = disk.Open();
  ASSERT_NE(journal, nullptr);
  const auto entries = journal::ReadAll(journal.get(), 0);
  ASSERT_TRUE(entries.ok()) << entries.status();
  std::set<std::string> kinds;
  for (const journal::Entry& entry : *entries) {
    const auto decoded = Decode(entry);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    kinds.insert(v1::EventKind_Name(decoded->event->kind()));
  }
  EXPECT_EQ(kinds, KindsMade(golden))
      << "a new kind of event belongs into a journal that is kept here";

  const int64_t head = journal->head_revision();
  const auto all = FoldOf(journal.get(), FoldFrom::kBeginning, head)->MakeView();
  const auto tail = FoldOf(journal.get(), FoldFrom::kNewestSnapshot, head)->MakeView();
  EXPECT_EQ(journal::LoadNewest(journal.get(), head).revision, snapshot_revision);
  EXPECT_EQ(core::Digest(*all), core::Digest(*tail));
  ASSERT_TRUE(CompleteStore(journal.get(), nullptr).ok());
  EXPECT_EQ(Sorted(RecordsAsText(*all) + TextsAsText(journal.get())),
            Sorted(Stored(version, "records.txt")));
}

TEST(GoldenTest, AJournalOfEveryKindOfEventGivesTheSameRecords) {
  if (const char* directory = std::getenv("COORDHUB_GOLDEN")) return WriteGolden(directory);
  for (const Golden& golden : Goldens()) ReadGolden(golden);
}

}  // namespace
}  // namespace coordhub::engine
