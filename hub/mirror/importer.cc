#include "hub/mirror/importer.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/log.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "hub/mirror/file_lease.h"
#include "hub/mirror/rejected_lines.h"

namespace coordhub::mirror {
namespace {

constexpr char kInbox[] = "inbox";
// A file that somebody has open is tried again after the grace, then ever more rarely: so often.
constexpr absl::Duration kMaxRetry = absl::Seconds(15);
// Commits of one step; more lines wait for the next one, so that a step stays short.
constexpr int kImportsAStep = 20;
constexpr int kInboxFilesAStep = 256;
constexpr size_t kManySources = 1000;
constexpr size_t kNotices = 20;

// Names that editors and copying programs use until the file is there.
bool IsUnfinished(std::string_view name) {
  if (name.front() == '.' || name.back() == '~') return true;
  for (const std::string_view suffix : {".tmp", ".part", ".swp"}) {
    if (name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix) {
      return true;
    }
  }
  return false;
}

// Why a file cannot be read; empty: it can.
std::string_view Unsuitable(const struct stat& info) {
  if (S_ISLNK(info.st_mode)) return "a symbolic link";
  if (S_ISDIR(info.st_mode)) return "a directory";
  if (!S_ISREG(info.st_mode)) return "no regular file";
  if (info.st_nlink > 1) return "a file with several names";
  return {};
}

void LogPutAside(const SharedStateDir& directory, const std::string& file, std::string_view what,
                 std::string_view then) {
  base::Log(base::LogLevel::kWarning, "what others put in the mirror's way is not read",
            {{"directory", directory.path()}, {"file", file}, {"it_is", what}, {"it_was", then}});
}

}  // namespace

Importer::Importer(ImporterOptions options)
    : options_(std::move(options)), client_(options_.submit, options_.patience) {}

std::string Importer::NewGeneration() {
  return MakeGeneration(options_.clock->Wall(), options_.log_id, options_.ids->NextRandom());
}

absl::Status Importer::Step(SharedStateDir* directory) {
  const base::MonoTime now = options_.clock->Mono();
  if (now < due_) return absl::OkStatus();
  due_ = now + options_.look_interval;  // after an error, too
  // What is wrong with one place or file keeps nothing else from being imported.
  absl::Status failure = now >= look_at_ ? Look(directory, now) : absl::OkStatus();
  budget_ = kImportsAStep;
  log_refuses_ = false;
  for (auto it = sources_.begin(); it != sources_.end() && budget_ > 0;) {
    Source& source = it->second;
    const absl::Status status = StepSource(directory, &source, now);
    if (!status.ok()) failure = status;
    if (log_refuses_) break;  // the others, too
    it = source.file.empty() ? sources_.erase(it) : std::next(it);
  }
  COORDHUB_RETURN_IF_ERROR(SyncRemovals(directory));
  if (failure.ok()) PlanNext(now, /*more=*/budget_ <= 0);
  return failure;
}

void Importer::LookSoon() {
  look_at_ = std::min(look_at_, looked_at_ + options_.look_interval);
  due_ = std::min(due_, look_at_);
}

void Importer::PlanNext(base::MonoTime now, bool more) {
  due_ = look_at_;
  for (const auto& [file, source] : sources_) due_ = std::min(due_, source.try_at);
  if (more) due_ = now;
}

// ---- which files there are ----

absl::Status Importer::Look(SharedStateDir* directory, base::MonoTime now) {
  notices_.clear();
  looked_at_ = now;
  const bool told = watch_ != nullptr && watch_();
  const absl::Status inbox = TakeInbox(directory);
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<std::string> files, directory->List("."));
  SyncSources(files, now);
  if (!std::exchange(looked_, true)) ForgetMarksWithoutFile();
  if (const int kept = CountKept(*directory); kept > 0) {
    notices_.push_back(absl::StrCat("Lines that are no tickets are kept in .rejected: ", kept,
                                    kept == 1 ? " file" : " files"));
  }
  if (sources_.size() > kManySources) {
    notices_.push_back(
        absl::StrCat("Old copies of tickets.md that other programs have open: ", sources_.size()));
  }
  const bool rarely = told && inbox.ok() && !inbox_waits_;
  look_at_ = now + (rarely ? options_.told_look_interval : options_.look_interval);
  return inbox;
}

Importer::Source& Importer::AddSource(const std::string& file, SourceName name,
                                      base::MonoTime now) {
  Source& source = sources_[file];
  source.file = file;
  source.mark = source.scanned = options_.view()->records.ImportedUpTo(name.generation);
  source.name = std::move(name);
  source.try_at = now + options_.grace;
  source.retry = options_.grace;
  return source;
}

void Importer::FileWasRetired(const std::string& file, int64_t own_bytes) {
  std::optional<SourceName> name = ParseSourceName(file);
  if (!name.has_value()) return;
  const base::MonoTime now = options_.clock->Mono();
  Source& source = AddSource(file, *std::move(name), now);
  if (own_bytes > 0) source.size = source.scanned = own_bytes;
  source.only_ours = own_bytes > 0;
  due_ = own_bytes > 0 ? std::min(due_, source.try_at) : now;
}

void Importer::SyncSources(const std::vector<std::string>& files, base::MonoTime now) {
  absl::flat_hash_set<std::string> present;
  for (const std::string& file : files) {
    std::optional<SourceName> name = ParseSourceName(file);
    if (!name.has_value()) continue;
    present.insert(file);
    if (sources_.find(file) == sources_.end()) AddSource(file, *std::move(name), now);
  }
  for (auto it = sources_.begin(); it != sources_.end();) {
    // If somebody took it away, a mark of it stays until the next start.
    it = present.contains(it->first) ? std::next(it) : sources_.erase(it);
  }
}

// Marks that a hub left which was killed before it could drop them.
void Importer::ForgetMarksWithoutFile() {
  absl::flat_hash_set<std::string> present;
  for (const auto& [file, source] : sources_) present.insert(source.name.generation);
  const std::shared_ptr<const core::View> view = options_.view();
  for (auto mark = view->records.of<core::tables::ImportMarks>().Begin(); mark.Valid();
       mark.Next()) {
    if (!present.contains(mark.key())) forgotten_.push_back(mark.key());
  }
}

absl::Status Importer::TakeInbox(SharedStateDir* directory) {
  COORDHUB_ASSIGN_OR_RETURN(SharedStateDir inbox, directory->OpenInner(kInbox, /*make=*/true));
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<std::string> files, inbox.List(""));
  int taken = 0;
  inbox_waits_ = false;
  for (const std::string& file : files) {
    if (IsUnfinished(file)) continue;
    COORDHUB_ASSIGN_OR_RETURN(const bool took, TakeInboxFile(&inbox, directory, file));
    if (took && ++taken == kInboxFilesAStep) {
      inbox_waits_ = true;
      break;
    }
  }
  if (taken == 0) return absl::OkStatus();
  COORDHUB_RETURN_IF_ERROR(directory->Sync());
  return inbox.Sync();
}

absl::StatusOr<bool> Importer::TakeInboxFile(SharedStateDir* inbox, SharedStateDir* directory,
                                             const std::string& file) {
  struct stat info {};
  if (!inbox->StatAny(file, &info)) return false;
  if (const std::string_view what = Unsuitable(info); !what.empty()) {
    if (notices_.size() < kNotices) {
      notices_.push_back(absl::StrCat("Not read: ", kInbox, "/", base::OneLine(file, 64), " is ",
                                      std::string(what)));
    }
    return false;
  }
  absl::StatusOr<base::UniqueFd> fd = inbox->OpenToRead(file);
  if (!fd.ok()) {
    if (notices_.size() < kNotices) notices_.push_back(std::string(fd.status().message()));
    return false;
  }
  if (!TakeSoleUse(fd->get(), options_.leases)) {
    inbox_waits_ = true;
    return false;
  }
  COORDHUB_RETURN_IF_ERROR(inbox->Move(file, *directory, TakenInboxName(NewGeneration(), file)));
  return true;
}

// ---- one file ----

absl::Status Importer::StepSource(SharedStateDir* directory, Source* source, base::MonoTime now) {
  struct stat info {};
  if (!directory->StatAny(source->file, &info)) {
    source->try_at = look_at_;  // which drops it
    return absl::OkStatus();
  }
  // A copy by hard links (`cp -al`) of what only we wrote: there is nothing in it to read.
  const bool only_ours = S_ISREG(info.st_mode) && source->only_ours && info.st_size == source->size;
  if (!Unsuitable(info).empty() && !only_ours) {
    COORDHUB_ASSIGN_OR_RETURN(const bool done, PutAside(directory, source));
    if (done) return absl::OkStatus();
  }
  const bool settled = now >= source->try_at;
  const bool grew = info.st_size != source->size;
  if (!settled && !grew) return absl::OkStatus();
  if (info.st_size < source->scanned) return Renew(directory, source);

  COORDHUB_ASSIGN_OR_RETURN(const base::UniqueFd fd, directory->OpenToRead(source->file));
  const bool sole = settled && TakeSoleUse(fd.get(), options_.leases);
  if (settled && !sole) {
    source->retry = std::min(2 * source->retry, kMaxRetry);
    source->try_at = now + source->retry;
  }
  // What was written before we looked is there now; what is not, comes before the file goes.
  if (base::MutantActive("late_lines_not_read") && source->size >= 0) {
    return sole ? Remove(directory, source) : absl::OkStatus();
  }
  COORDHUB_ASSIGN_OR_RETURN(const bool all, ReadLines(directory, source, fd.get(), sole));
  if (!all) return absl::OkStatus();
  source->size = info.st_size;
  if (!sole || fstat(fd.get(), &info) != 0 || info.st_size != source->scanned) {
    return absl::OkStatus();
  }
  // While `fd` is open nobody else opens the file, unless it took us very long.
  return StillSoleUse(fd.get(), options_.leases) ? Remove(directory, source) : absl::OkStatus();
}

absl::StatusOr<bool> Importer::PutAside(SharedStateDir* directory, Source* source) {
  struct stat info {};
  if (!directory->StatAny(source->file, &info)) return true;
  const std::string what(Unsuitable(info));
  if (S_ISREG(info.st_mode)) {
    COORDHUB_RETURN_IF_ERROR(KeepFile(directory, source->file, source->name.kept_name));
    LogPutAside(*directory, source->name.file, what, "moved to .rejected");
    source->file.clear();
    return true;
  }
  if (S_ISDIR(info.st_mode)) {
    notices_.push_back(absl::StrCat("Not read: ", source->file, " is a directory"));
    source->try_at = options_.clock->Mono() + kMaxRetry;
    return true;
  }
  COORDHUB_RETURN_IF_ERROR(Remove(directory, source));
  LogPutAside(*directory, source->name.file, what, "removed");
  return true;
}

absl::Status Importer::Remove(SharedStateDir* directory, Source* source) {
  if (source->keep) {
    COORDHUB_RETURN_IF_ERROR(KeepFile(directory, source->file, source->name.kept_name + "-whole"));
  } else {
    COORDHUB_RETURN_IF_ERROR(directory->Remove(source->file));
  }
  gone_.push_back(source->name.generation);
  source->file.clear();
  return absl::OkStatus();
}

absl::Status Importer::Renew(SharedStateDir* directory, Source* source) {
  const std::string generation = NewGeneration();
  const std::string file = WithGeneration(source->file, generation);
  COORDHUB_RETURN_IF_ERROR(directory->Move(source->file, *directory, file));
  COORDHUB_RETURN_IF_ERROR(directory->Sync());
  gone_.push_back(source->name.generation);
  source->file.clear();
  // The next look finds it under its new name.
  look_at_ = due_ = base::MonoTime::InfinitePast();
  return absl::OkStatus();
}

absl::Status Importer::SyncRemovals(SharedStateDir* directory) {
  if (gone_.empty()) return absl::OkStatus();
  COORDHUB_RETURN_IF_ERROR(directory->Sync());
  // Only what the log holds a mark of need be forgotten.
  const std::shared_ptr<const core::View> view = options_.view();
  for (std::string& generation : gone_) {
    if (view->records.of<core::tables::ImportMarks>().Contains(generation))
      forgotten_.push_back(generation);
  }
  gone_.clear();
  return absl::OkStatus();
}

}  // namespace coordhub::mirror
