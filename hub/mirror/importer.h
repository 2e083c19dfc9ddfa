// Lines that others wrote, on their way to tickets.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "hub/core/records.h"
#include "hub/mirror/import_client.h"
#include "hub/mirror/line_reader.h"
#include "hub/mirror/shared_state_dir.h"
#include "hub/mirror/source_name.h"

namespace coordhub::mirror {

struct ImporterOptions {
  SubmitImport submit;
  // The newest durable view.
  std::function<std::shared_ptr<const core::View>()> view;
  // The log that tickets go to.
  std::string log_id;
  // Not owned. For generations.
  base::Clock* clock = nullptr;
  base::IdSource* ids = nullptr;
  // A file stays for this long at least: an open of it by its old name may be under way.
  absl::Duration grace = absl::Seconds(1);
  // The directory is looked through this often at the most, ...
  absl::Duration look_interval = absl::Seconds(1);
  // ... and this often where changes are told.
  absl::Duration told_look_interval = absl::Seconds(15);
  // For the answer to one import.
  absl::Duration patience = absl::Seconds(10);
  // False: as on a file system without leases.
  bool leases = true;
};

// Makes tickets of the lines in files that others wrote: each retired `tickets.md`, which lies
// beside the new one as `.tickets.md.<generation>`, and each file dropped into `inbox/`, which is
// taken away as `.inbox.<generation>.<name>` once nobody has it open.
//
// Complete lines are imported as they come; a file goes when nobody else has it open and its last
// line is imported. The log holds, for each generation, up to which byte it is imported, in the
// commit that makes the tickets: so each line becomes one ticket, whenever the hub is killed. Files
// that a killed hub left are found by their names.
//
// What is no ticket is kept in `.rejected/`. One thread at a time; blocks on the file system and on
// the writer of the log.
class Importer {
 public:
  explicit Importer(ImporterOptions options);

  // `watch` is called before each look; true: LookSoon will be called when something changes after
  // it. Without it the directory is looked through in any case. Before the first Step.
  void SetWatch(std::function<bool()> watch) { watch_ = std::move(watch); }
  // Something changed in the directory, perhaps.
  void LookSoon();

  // A name for a retired `tickets.md`, never used before.
  std::string NewRetiredName() { return RetiredTicketsName(NewGeneration()); }

  // A name in .rejected/ for what stood in the place of `file`, never used before.
  std::string NewKeptName(const std::string& file) { return file + "-" + NewGeneration(); }

  // `file` was retired. Its first `own_bytes` are lines of the hub and nothing else, and it had no
  // more when that was seen; 0: that is not known.
  void FileWasRetired(const std::string& file, int64_t own_bytes);

  // Does what is due: looks for files, imports, removes. Errors leave everything as it is, for the
  // next step: those of ImportClient and of the file system.
  absl::Status Step(SharedStateDir* directory);

  // When Step has something to do.
  base::MonoTime due() const { return due_; }

  // What people should know, a line each; as of the last look.
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  // A file whose lines are imported.
  struct Source {
    std::string file;  // its name
    SourceName name;
    int64_t mark = 0;        // imported before this byte
    int64_t scanned = 0;     // and read before this one
    int64_t kept = 0;        // what is no ticket is in .rejected/ before this one
    off_t size = -1;         // when it was read; -1: not yet
    bool keep = false;       // it holds more than its tickets do
    bool only_ours = false;  // until `size`
    base::MonoTime try_at;
    absl::Duration retry;
  };
  // Lines on their way into one commit.
  struct Batch {
    core::ImportLines lines;
    int64_t end = 0;
    size_t bytes = 0;
    std::string rejected;
  };

  // ---- importer.cc: which files there are, and when they go ----
  absl::Status Look(SharedStateDir* directory, base::MonoTime now);
  Source& AddSource(const std::string& file, SourceName name, base::MonoTime now);
  void SyncSources(const std::vector<std::string>& files, base::MonoTime now);
  void ForgetMarksWithoutFile();
  absl::Status TakeInbox(SharedStateDir* directory);
  // False: it is not complete yet, or no file to read.
  absl::StatusOr<bool> TakeInboxFile(SharedStateDir* inbox, SharedStateDir* directory,
                                     const std::string& file);
  absl::Status StepSource(SharedStateDir* directory, Source* source, base::MonoTime now);
  // Takes away what is no regular file of one name. True: there is nothing left to read.
  absl::StatusOr<bool> PutAside(SharedStateDir* directory, Source* source);
  absl::Status Remove(SharedStateDir* directory, Source* source);
  // Its bytes were written anew: they are those of another generation.
  absl::Status Renew(SharedStateDir* directory, Source* source);
  absl::Status SyncRemovals(SharedStateDir* directory);
  void PlanNext(base::MonoTime now, bool more);

  // ---- importer_lines.cc: what is in them ----
  // `last`: nobody writes to it any more. Returns whether everything was read.
  absl::StatusOr<bool> ReadLines(SharedStateDir* directory, Source* source, int fd, bool last);
  static void AddLine(const LineReader::Line& line, int64_t last_ticket_number, Source* source,
                      Batch* batch);
  absl::Status Commit(const SharedStateDir& directory, Source* source, Batch* batch);

  std::string NewGeneration();

  const ImporterOptions options_;
  const ImportClient client_;

  std::map<std::string, Source> sources_;  // by file, so by generation
  std::function<bool()> watch_;
  bool looked_ = false;
  base::MonoTime looked_at_ = base::MonoTime::InfinitePast();
  bool inbox_waits_ = false;  // for somebody to close a file, or for the next look
  base::MonoTime look_at_ = base::MonoTime::InfinitePast();
  base::MonoTime due_ = base::MonoTime::InfinitePast();
  int budget_ = 0;            // imports that this step may still make
  bool log_refuses_ = false;  // the last one failed
  // Generations whose files are gone: not yet durably, and durably.
  std::vector<std::string> gone_;
  std::vector<std::string> forgotten_;
  std::vector<std::string> notices_;
};

}  // namespace coordhub::mirror
