#include "hub/operations/gate_log.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"

namespace coordhub::operations {
namespace {

constexpr std::string_view kOmitted = "omitted ";
constexpr size_t kHeaderBytes = 64;

}  // namespace

void GateLog::Continue() {
  absl::StatusOr<Text> before = ReadBytes(path_);
  if (!before.ok()) return;  // whoever cannot read it cannot write it either, and says so
  held_ = std::move(before->text);
  written_bytes_ = before->omitted_bytes + static_cast<int64_t>(held_.size());
}

void GateLog::Heading(std::string_view line) {
  if (!held_.empty() && held_.back() != '\n') Append("\n");
  Append(line);
  Append("\n");
  heading_bytes_ = written_bytes_;
}

void GateLog::Append(std::string_view bytes) {
  if (bytes.empty()) return;
  written_bytes_ += static_cast<int64_t>(bytes.size());
  flushed_ = false;
  bytes = bytes.substr(bytes.size() - std::min(bytes.size(), kKeptBytes));
  if (held_.size() + bytes.size() > 2 * kKeptBytes) {
    held_.erase(0, held_.size() - (kKeptBytes - bytes.size()));
  }
  held_.append(bytes);
}

std::string_view GateLog::Kept() const {
  const std::string_view held = held_;
  return held.substr(held.size() - std::min(held.size(), kKeptBytes));
}

absl::Status GateLog::Flush() {
  if (flushed_) return absl::OkStatus();
  const std::string_view kept = Kept();
  const auto omitted = written_bytes_ - static_cast<int64_t>(kept.size());
  std::string bytes = absl::StrCat(base::ToAbsl(kOmitted), omitted, "\n");
  bytes.append(kept);
  COORDHUB_RETURN_IF_ERROR(base::AtomicReplaceFile(path_, bytes, 0600, base::Sync::kNo));
  flushed_ = true;
  return absl::OkStatus();
}

std::string GateLog::LastLine(size_t max_bytes) const {
  std::string_view rest = Kept();
  const auto own = static_cast<size_t>(written_bytes_ - heading_bytes_);
  rest = rest.substr(rest.size() - std::min(rest.size(), own));
  while (!rest.empty()) {
    const size_t before = rest.rfind('\n');
    const size_t begin = before == std::string_view::npos ? 0 : before + 1;
    // A line may be as long as the log.
    const std::string line = base::OneLine(rest.substr(begin, 4 * max_bytes), max_bytes);
    if (!line.empty()) return line;
    rest = rest.substr(0, begin == 0 ? 0 : before);
  }
  return "";
}

absl::StatusOr<GateLog::Text> GateLog::Read(const std::string& path) {
  COORDHUB_ASSIGN_OR_RETURN(Text text, ReadBytes(path));
  text.text = base::ToValidUtf8(text.text);
  return text;
}

absl::StatusOr<GateLog::Text> GateLog::ReadBytes(const std::string& path) {
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            base::ReadFile(path, kKeptBytes + kHeaderBytes));
  Text text;
  if (!bytes.has_value()) return text;
  const std::string_view all = *bytes;
  const size_t end = std::min(all.find('\n'), all.size());
  const std::string_view header = all.substr(0, end);
  if (header.substr(0, kOmitted.size()) == kOmitted) {
    (void)absl::SimpleAtoi(base::ToAbsl(header.substr(kOmitted.size())), &text.omitted_bytes);
  }
  text.text = std::string(all.substr(std::min(end + 1, all.size())));
  return text;
}

}  // namespace coordhub::operations
