#include "agent/base/last_words.h"

#include <unistd.h>

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/atomic_file.h"
#include "agent/base/text.h"

namespace coordhub::base {
namespace {

constexpr size_t kMaxBytes = 16'384;
constexpr size_t kMaxWhatBytes = 4096;

std::string FileOf(const std::string& git_common_dir) {
  return git_common_dir + "/coordhub.stopped";
}

}  // namespace

absl::Status LeaveLastWords(const std::string& git_common_dir, const LastWords& words) {
  return AtomicReplaceFile(
      FileOf(git_common_dir),
      absl::StrCat(absl::FormatTime(absl::RFC3339_sec, words.time, absl::UTCTimeZone()), "\n",
                   words.pid, "\n", OneLine(words.what, kMaxWhatBytes), "\n"),
      0600);
}

std::optional<LastWords> ReadLastWords(const std::string& git_common_dir) {
  const auto text = ReadFile(FileOf(git_common_dir), kMaxBytes);
  if (!text.ok() || !text->has_value()) return std::nullopt;
  const std::vector<std::string> lines = absl::StrSplit(**text, '\n');
  LastWords words;
  std::string ignored;
  if (lines.size() < 3 || !absl::ParseTime(absl::RFC3339_full, lines[0], &words.time, &ignored) ||
      !absl::SimpleAtoi(lines[1], &words.pid)) {
    return std::nullopt;
  }
  words.what = lines[2];
  return words;
}

void ForgetLastWords(const std::string& git_common_dir) {
  (void)unlink(FileOf(git_common_dir).c_str());
}

}  // namespace coordhub::base
