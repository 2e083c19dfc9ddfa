#include "hub/loops/loop_log.h"

#include "absl/strings/str_cat.h"
#include "agent/base/text.h"

namespace coordhub::loops {
namespace {

// A path has at most 4,096 bytes.
constexpr size_t kMaxLineBytes = 8192;

}  // namespace

// As `date +"%Y-%m-%d %H:%M:%S"` prints it.
LogEntry::LogEntry(absl::Time time, absl::TimeZone zone)
    : time_(absl::FormatTime("%Y-%m-%d %H:%M:%S", time, zone)) {}

void LogEntry::Head(std::string_view text) {
  absl::StrAppend(&text_, "[", time_, "] ", base::OneLine(text, kMaxLineBytes), "\n");
}

// A value that is empty leaves the blank before it, as `echo` did.
void LogEntry::Item(std::string_view text) {
  const bool blank = !text.empty() && text.back() == ' ';
  absl::StrAppend(&text_, "  - ", base::OneLine(text, kMaxLineBytes), blank ? " \n" : "\n");
}

absl::Status LoopLog::Write(const LogEntry& entry) {
  if (!writes_ || entry.text().empty()) return absl::OkStatus();
  return file_.Append(entry.text());
}

}  // namespace coordhub::loops
