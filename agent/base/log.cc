#include "agent/base/log.h"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "agent/base/mutex.h"
#include "agent/base/queued_log_sink.h"
#include "agent/base/rotating_file.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"

namespace coordhub::base {
namespace {

// One write, so that lines of several processes do not mix. Not through stdio: while nobody reads,
// its lock would be held, and the end of the process waits for that.
void WriteToStderr(std::string line) {
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = write(STDERR_FILENO, rest.data(), rest.size());
    if (written < 0 && errno != EINTR) return;
    if (written > 0) rest.remove_prefix(static_cast<size_t>(written));
  }
}

class FileSink final : public LogSink {
 public:
  FileSink(std::string path, RotatingFile::Limits limits) : file_(std::move(path), limits) {}

  absl::Status Open() { return file_.Open(); }

  void Write(LogLevel, std::string_view line) override {
    const absl::Status status = file_.Append(std::string(line) + "\n");
    if (status.ok()) {
      failing_ = false;
      return;
    }
    if (!std::exchange(failing_, true)) {
      WriteToStderr(absl::StrCat("the log goes to standard error: ", status.message()));
    }
    WriteToStderr(std::string(line));
  }

 private:
  RotatingFile file_;
  bool failing_ = false;
};

class StderrSink final : public LogSink {
 public:
  void Write(LogLevel, std::string_view line) override { WriteToStderr(std::string(line)); }
};

// Where lines go. Null: nowhere.
struct Sinks {
  std::shared_ptr<LogSink> people;
  std::shared_ptr<LogSink> programs;
};

struct Destination {
  std::atomic<LogLevel> min_level{LogLevel::kInfo};
  std::atomic<bool> to_people{true};
  std::atomic<bool> to_programs{false};
  Mutex mu;
  Sinks sinks ABSL_GUARDED_BY(mu){std::make_shared<StderrSink>(), nullptr};
};

// Never destroyed: other static objects may log while the process ends.
Destination& TheDestination() {
  static auto& destination = *new Destination;
  return destination;
}

void Redirect(Sinks sinks, LogLevel min_level) {
  Destination& destination = TheDestination();
  {
    MutexLock lock(&destination.mu);
    destination.to_people = sinks.people != nullptr;
    destination.to_programs = sinks.programs != nullptr;
    destination.min_level = min_level;
    std::swap(destination.sinks, sinks);
  }
  // The former sinks go here, outside the lock: their destructors may take their time.
}

const char* LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

std::string JsonLine(absl::Time now, LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) {
  nlohmann::ordered_json line;
  line["ts"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", now, absl::UTCTimeZone());
  line["level"] = LevelName(level);
  line["msg"] = message;
  for (const auto& [key, value] : fields) {
    std::visit([&, &key = key](const auto& v) { line[std::string(key)] = v; }, value.get());
  }
  return RedactTokens(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

std::string TextOf(const LogValue::Variant& value) {
  if (const bool* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    const bool bare = !text->empty() && text->find_first_of(" \t\n\"") == text->npos;
    return bare ? std::string(*text) : absl::StrCat("\"", ToAbsl(*text), "\"");
  }
  return std::visit(
      [](const auto& number) -> std::string {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(number)>>) {
          return absl::StrCat(number);
        }
        return std::string();
      },
      value);
}

std::string TextLine(absl::Time now, LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) {
  std::string line =
      absl::StrCat(absl::FormatTime("%Y-%m-%d %H:%M:%E3S ", now, absl::LocalTimeZone()),
                   LevelName(level), ": ", ToAbsl(message));
  for (const auto& [key, value] : fields) {
    absl::StrAppend(&line, " ", ToAbsl(key), "=", TextOf(value.get()));
  }
  return RedactTokens(TerminalSafe(line));
}

// Of those that a queue had no room for.
constexpr std::string_view kLinesLost = "lines of the log were lost: it was written too slowly";

std::string LostForPeople(size_t count) {
  return TextLine(SystemClock().Wall(), LogLevel::kWarning, kLinesLost, {{"count", count}});
}

std::string LostForPrograms(size_t count) {
  return JsonLine(SystemClock().Wall(), LogLevel::kWarning, kLinesLost, {{"count", count}});
}

// As `sinks`, without making who logs wait.
Sinks Queued(Sinks sinks) {
  if (sinks.people != nullptr) {
    sinks.people = std::make_shared<QueuedLogSink>(std::move(sinks.people), LostForPeople);
  }
  if (sinks.programs != nullptr) {
    sinks.programs = std::make_shared<QueuedLogSink>(std::move(sinks.programs), LostForPrograms);
  }
  return sinks;
}

constexpr size_t kTokenPrefixBytes = 4;

size_t FindTokenPrefix(std::string_view text, size_t from) {
  return std::min(text.find("chs_", from), text.find("cho_", from));
}

}  // namespace

bool LogEnabled(LogLevel level) {
  return level >= TheDestination().min_level.load(std::memory_order_relaxed);
}

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  Destination& destination = TheDestination();
  const absl::Time now = SystemClock().Wall();
  std::string text;
  if (destination.to_people) text = TextLine(now, level, message, fields);
  std::string json;
  if (destination.to_programs) json = JsonLine(now, level, message, fields);
  MutexLock lock(&destination.mu);
  if (!text.empty() && destination.sinks.people) destination.sinks.people->Write(level, text);
  if (!json.empty() && destination.sinks.programs) destination.sinks.programs->Write(level, json);
}

bool FlushLog(absl::Duration patience) {
  Destination& destination = TheDestination();
  Sinks sinks;
  {
    MutexLock lock(&destination.mu);
    sinks = destination.sinks;
  }
  bool all = true;
  for (const auto& sink : {sinks.programs, sinks.people}) {
    if (sink != nullptr) all = sink->Flush(patience) && all;
  }
  return all;
}

absl::Status InitLog(const LogOptions& options) {
  Sinks sinks;
  if (options.to_stderr) sinks.people = std::make_shared<StderrSink>();
  if (!options.path.empty()) {
    auto file = std::make_shared<FileSink>(
        options.path, RotatingFile::Limits{options.max_file_bytes, options.max_files});
    COORDHUB_RETURN_IF_ERROR(file->Open());
    sinks.programs = std::move(file);
  }
  if (options.in_background) sinks = Queued(std::move(sinks));
  Redirect(std::move(sinks), options.min_level);
  return absl::OkStatus();
}

void SetLogSink(std::shared_ptr<LogSink> sink, LogLevel min_level) {
  Redirect({nullptr, std::move(sink)}, min_level);
}

std::string RedactTokens(std::string_view text) {
  // A token cut short by a length limit is still a leak; a word that begins like one is not.
  static constexpr size_t kMinSecretBytes = 16;
  std::string out;
  out.reserve(text.size());
  for (size_t at = FindTokenPrefix(text, 0); at != text.npos; at = FindTokenPrefix(text, 0)) {
    size_t end = text.find_first_not_of("0123456789abcdefABCDEF_", at + kTokenPrefixBytes);
    // The "c" of a token that follows at once is a digit, too.
    end = std::min({end, FindTokenPrefix(text, at + kTokenPrefixBytes), text.size()});
    const bool is_token = end - at >= kTokenPrefixBytes + kMinSecretBytes;
    out += text.substr(0, is_token ? at + kTokenPrefixBytes + 4 : end);
    if (is_token) out += "…";
    text.remove_prefix(end);
  }
  return out.append(text);
}

}  // namespace coordhub::base
