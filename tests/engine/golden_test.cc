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
#include "tests/engine/golden_deeds.h"
#include "tests/engine/writer_harness.h"
#include "tests/journal/harness.h"
#include "tests/journal/raw_database.h"

namespace coordhub::engine {
namespace {

// Kinds of what this version does not have.
const std::set<v1::EventKind>& NotMadeYet() {
  static const auto& kinds = *new std::set<v1::EventKind>{
      v1::EVENT_KIND_UNSPECIFIED,
      v1::EVENT_KIND_RESERVATION_ACQUIRED,
      v1::EVENT_KIND_RESERVATION_RELEASED,
      v1::EVENT_KIND_RESERVATION_LOST,
      v1::EVENT_KIND_RESERVATION_TRANSFERRED,
      v1::EVENT_KIND_RESERVATIONS_FORGOTTEN,
      v1::EVENT_KIND_MESSAGE_SENT,
      v1::EVENT_KIND_MESSAGE_ACKNOWLEDGED,
      v1::EVENT_KIND_MESSAGES_DELIVERED,
      v1::EVENT_KIND_MESSAGES_FORGOTTEN,
  };
  return kinds;
}

// A journal that is kept, and the kinds that its version did not have.
struct Golden {
  std::string name;
  std::set<v1::EventKind> lacks;
  // Rounds, conflicts, gates and tickets that are integrated.
  bool has_convergence = true;
};

bool IsOfConvergence(v1::EventKind kind) {
  return kind == v1::EVENT_KIND_TICKET_INTEGRATED || kind == v1::EVENT_KIND_CONFLICTS_CHANGED ||
         (kind >= v1::EVENT_KIND_ROUND_OPENED && kind <= v1::EVENT_KIND_ROUNDS_FORGOTTEN) ||
         (kind >= v1::EVENT_KIND_GATE_SET && kind <= v1::EVENT_KIND_GATE_RAN);
}

const std::vector<Golden>& Goldens() {
  static const auto& all = *new std::vector<Golden>{
      {"0.1.0",
       {v1::EVENT_KIND_TICKETS_ARCHIVED, v1::EVENT_KIND_OPERATION_STARTED,
        v1::EVENT_KIND_OPERATION_CHANGED, v1::EVENT_KIND_OPERATION_FINISHED,
        v1::EVENT_KIND_OPERATIONS_FORGOTTEN},
       /*has_convergence=*/false},
      {"format-3", {}, /*has_convergence=*/false},
      {"convergence", {}},
  };
  return all;
}

std::set<std::string> KindsMade(const Golden& golden) {
  std::set<std::string> names;
  const auto& kinds = *google::protobuf::GetEnumDescriptor<v1::EventKind>();
  for (int i = 0; i < kinds.value_count(); ++i) {
    const auto kind = static_cast<v1::EventKind>(kinds.value(i)->number());
    if (NotMadeYet().contains(kind) || golden.lacks.contains(kind)) continue;
    if (!golden.has_convergence && IsOfConvergence(kind)) continue;
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

// Likewise what only a thousand rounds bring about.
journal::Entry ForgettingARound(int64_t revision) {
  v1::Event event;
  event.set_revision(revision);
  event.set_commit_revision(revision);
  event.set_kind(v1::EVENT_KIND_ROUNDS_FORGOTTEN);
  event.set_actor("operator");
  event.add_changes()->mutable_round()->set_round_id("C-1");
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
  entries.push_back(ForgettingARound(entries.back().revision + 1));
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
