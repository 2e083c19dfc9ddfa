#include "hub/journal/store_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "hub/journal/errors.h"

namespace coordhub::journal {
namespace {

Checksum ChecksumOf(Space space, const StoreSize& size) {
  std::string bytes;
  AppendBigEndian(static_cast<uint64_t>(space), &bytes);
  AppendBigEndian(static_cast<uint64_t>(size.rows), &bytes);
  AppendBigEndian(static_cast<uint64_t>(size.bytes), &bytes);
  return Shorten(base::Sha256(bytes));
}

}  // namespace

absl::StatusOr<StoreSizes> ReadStoreSizes(Database* database) {
  COORDHUB_ASSIGN_OR_RETURN(
      Statement row, database->Prepare("SELECT space, row_count, bytes, checksum FROM store_size"));
  StoreSizes sizes;
  int rc = SQLITE_OK;
  while ((rc = row.Step()) == SQLITE_ROW) {
    if (!IsSpace(row.Int(0))) {
      return Damaged(database->path(), absl::StrCat("the store has a space ", row.Int(0)));
    }
    const auto space = static_cast<Space>(row.Int(0));
    const StoreSize size{row.Int(1), row.Int(2)};
    if (row.Bytes(3) != BytesOf(ChecksumOf(space, size))) {
      return Damaged(database->path(), "the size of the store does not match its checksum");
    }
    sizes[IndexOf(space)] = size;
  }
  if (rc != SQLITE_DONE) return database->ErrorOf(rc, "read the size of the store");
  return sizes;
}

absl::StatusOr<std::unique_ptr<StoreWriter>> StoreWriter::Prepare(Database* database) {
  std::unique_ptr<StoreWriter> writer(new StoreWriter(database));
  COORDHUB_RETURN_IF_ERROR(writer->PrepareAll());
  COORDHUB_ASSIGN_OR_RETURN(writer->sizes_, ReadStoreSizes(database));
  COORDHUB_ASSIGN_OR_RETURN(const int64_t last, database->QueryInt("SELECT max(id) FROM store"));
  writer->next_id_ = last + 1;
  writer->Committed();
  return writer;
}

absl::Status StoreWriter::PrepareAll() {
  const std::pair<Statement*, const char*> statements[] = {
      {&find_, "SELECT id, bytes FROM store_index WHERE space = ?1 AND key = ?2"},
      {&put_, "INSERT INTO store VALUES(?1, ?2, ?3, ?4, ?5, ?6)"},
      {&index_, "INSERT OR REPLACE INTO store_index VALUES(?1, ?2, ?3, ?4)"},
      {&erase_, "INSERT INTO store_erased VALUES(?1, ?2, ?3)"},
      {&drop_, "DELETE FROM store_index WHERE space = ?1 AND key = ?2"},
      {&write_size_, "INSERT OR REPLACE INTO store_size VALUES(?1, ?2, ?3, ?4)"}};
  for (const auto& [statement, sql] : statements) {
    COORDHUB_ASSIGN_OR_RETURN(*statement, database_->Prepare(sql));
  }
  return absl::OkStatus();
}

absl::Status StoreWriter::Step(Statement* statement, const char* what) {
  const int rc = statement->Run();
  return rc == SQLITE_DONE ? absl::OkStatus() : database_->ErrorOf(rc, what);
}

absl::Status StoreWriter::Apply(absl::Span<const StoreChange> changes, int64_t revision) {
  for (const StoreChange& change : changes) {
    COORDHUB_ASSIGN_OR_RETURN(const Row old, Find(change));
    if (old.id > 0) {
      COORDHUB_RETURN_IF_ERROR(Erase(old, revision));
      sizes_[IndexOf(change.space)].rows -= 1;
      sizes_[IndexOf(change.space)].bytes -= old.bytes;
    }
    if (change.value) {
      COORDHUB_RETURN_IF_ERROR(Put(change, revision));
    } else if (old.id > 0) {
      drop_.Bind(1, static_cast<int64_t>(change.space));
      drop_.BindBlob(2, change.key);
      COORDHUB_RETURN_IF_ERROR(Step(&drop_, "erase from the store"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<StoreWriter::Row> StoreWriter::Find(const StoreChange& change) {
  const StatementReset reset(&find_);
  find_.Bind(1, static_cast<int64_t>(change.space));
  find_.BindBlob(2, change.key);
  const int rc = find_.Step();
  if (rc == SQLITE_DONE) return Row();
  if (rc != SQLITE_ROW) return database_->ErrorOf(rc, "look into the store");
  return Row{find_.Int(0), find_.Int(1)};
}

absl::Status StoreWriter::Put(const StoreChange& change, int64_t revision) {
  const Checksum checksum = StoreChecksum({revision, change.space, change.key, *change.value});
  const int64_t id = next_id_++;
  put_.Bind(1, id);
  put_.Bind(2, revision);
  put_.Bind(3, static_cast<int64_t>(change.space));
  put_.BindBlob(4, change.key);
  put_.BindBlob(5, BytesOf(checksum));
  put_.BindBlob(6, *change.value);
  COORDHUB_RETURN_IF_ERROR(Step(&put_, "put into the store"));
  const auto bytes = static_cast<int64_t>(change.value->size());
  index_.Bind(1, static_cast<int64_t>(change.space));
  index_.BindBlob(2, change.key);
  index_.Bind(3, id);
  index_.Bind(4, bytes);
  COORDHUB_RETURN_IF_ERROR(Step(&index_, "put into the store"));
  sizes_[IndexOf(change.space)].rows += 1;
  sizes_[IndexOf(change.space)].bytes += bytes;
  return absl::OkStatus();
}

absl::Status StoreWriter::Erase(const Row& row, int64_t revision) {
  erased_ = true;
  erase_.Bind(1, row.id);
  erase_.Bind(2, row.bytes);
  erase_.Bind(3, revision);
  return Step(&erase_, "erase from the store");
}

absl::Status StoreWriter::Finish() {
  for (const Space space : kSpaces) {
    const StoreSize& size = sizes_[IndexOf(space)];
    if (size == durable_[IndexOf(space)]) continue;
    const Checksum checksum = ChecksumOf(space, size);
    write_size_.Bind(1, static_cast<int64_t>(space));
    write_size_.Bind(2, size.rows);
    write_size_.Bind(3, size.bytes);
    write_size_.BindBlob(4, BytesOf(checksum));
    COORDHUB_RETURN_IF_ERROR(Step(&write_size_, "write the size of the store"));
  }
  return absl::OkStatus();
}

bool StoreWriter::Committed() {
  durable_ = sizes_;
  for (size_t i = 0; i < shown_.size(); ++i) {
    shown_[i].rows = durable_[i].rows;
    shown_[i].bytes = durable_[i].bytes;
  }
  return std::exchange(erased_, false);
}

void StoreWriter::RolledBack() {
  sizes_ = durable_;
  erased_ = false;
}

StoreSize StoreWriter::size(Space space) const {
  const AtomicSize& shown = shown_[IndexOf(space)];
  return {shown.rows, shown.bytes};
}

}  // namespace coordhub::journal
