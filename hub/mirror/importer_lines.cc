// What is in the files that the importer found.

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "hub/core/limits.h"
#include "hub/mirror/importer.h"
#include "hub/mirror/rejected_lines.h"

namespace coordhub::mirror {
namespace {

constexpr size_t kBatchBytes = 1 << 20;

size_t SizeOf(const v1::TicketSpec& spec) { return spec.ByteSizeLong() + 64; }

}  // namespace

absl::StatusOr<bool> Importer::ReadLines(SharedStateDir* directory, Source* source, int fd,
                                         bool last) {
  // Of a view at least as new as what the file shows of the hub's own lines. Those of another log
  // (a backup was restored since) are its own, too, and not for this one to make again.
  const bool of_another_log =
      source->name.retired && !IsOfLog(source->name.generation, options_.log_id);
  const int64_t last_ticket_number =
      of_another_log ? std::numeric_limits<int64_t>::max() : options_.view()->last_ticket_number;
  LineReader reader(fd, source->scanned);
  Batch batch;
  LineReader::Line line;
  while (true) {
    COORDHUB_ASSIGN_OR_RETURN(const bool more, reader.Next(&line));
    // Without its newline a line may still be half of one.
    if (!more || (!line.complete && !last)) break;
    AddLine(line, last_ticket_number, source, &batch);
    if (batch.lines.tickets.tickets_size() < core::limits::kBatchTickets &&
        batch.bytes < kBatchBytes) {
      continue;
    }
    COORDHUB_RETURN_IF_ERROR(Commit(*directory, source, &batch));
    if (budget_ <= 0) return false;
    reader = LineReader(fd, source->scanned);  // the log may know more than we did
  }
  COORDHUB_RETURN_IF_ERROR(Commit(*directory, source, &batch));
  return source->scanned >= batch.end;
}

void Importer::AddLine(const LineReader::Line& line, int64_t last_ticket_number, Source* source,
                       Batch* batch) {
  ForeignLine foreign = ReadForeignLine(line.text, source->name.form, last_ticket_number);
  batch->end = line.end;
  switch (foreign.kind) {
    case ForeignLine::Kind::kBlank:
    case ForeignLine::Kind::kOwn:
      return;
    case ForeignLine::Kind::kUnreadable:
      source->keep = source->keep || line.cut;
      if (line.end <= source->kept) return;  // an import failed since
      absl::StrAppend(&batch->rejected, base::ToAbsl(line.text), "\n");
      batch->bytes += line.text.size();
      return;
    case ForeignLine::Kind::kTicket:
      source->keep = source->keep || line.cut || foreign.cut;
      batch->bytes += SizeOf(foreign.spec);
      *batch->lines.tickets.add_tickets()->mutable_spec() = std::move(foreign.spec);
      return;
  }
}

absl::Status Importer::Commit(const SharedStateDir& directory, Source* source, Batch* batch) {
  // First: the mark moves over these lines, too.
  if (!batch->rejected.empty()) {
    COORDHUB_RETURN_IF_ERROR(KeepLines(directory, source->name.kept_name, batch->rejected));
    source->kept = batch->end;
    base::Log(base::LogLevel::kWarning, "lines in shared_state are no tickets; they are kept",
              {{"from", source->name.file}, {"in", ".rejected/" + source->name.kept_name}});
  }
  const int64_t end = batch->end;
  core::ImportLines lines = std::move(batch->lines);
  *batch = {};
  batch->end = end;
  if (lines.tickets.tickets().empty()) {
    source->scanned = std::max(source->scanned, end);
    return absl::OkStatus();
  }
  --budget_;
  const int count = lines.tickets.tickets_size();
  lines.file_id = source->name.generation;
  lines.begin_offset = source->mark;
  lines.end_offset = end;
  lines.forgotten_file_ids = forgotten_;
  const size_t forgotten = forgotten_.size();
  const absl::StatusOr<int> made = client_.Import(std::move(lines), source->name.file);
  log_refuses_ = !made.ok();
  if (!made.ok()) return made.status();
  if (*made == 0) {
    // The log was ahead of us: an answer was late. Go on from where it is.
    source->mark = source->scanned = options_.view()->records.ImportedUpTo(source->name.generation);
    return absl::OkStatus();
  }
  forgotten_.erase(forgotten_.begin(), forgotten_.begin() + static_cast<std::ptrdiff_t>(forgotten));
  source->mark = source->scanned = end;
  base::Log(base::LogLevel::kInfo, "lines of shared_state became tickets",
            {{"from", source->name.file}, {"tickets", count}});
  return absl::OkStatus();
}

}  // namespace coordhub::mirror
