#include "agent/base/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "agent/base/mutex.h"

namespace coordhub::base {
namespace {

// Through an spdlog sink, which opens, rotates and flushes.
class SpdlogSink final : public LogSink {
 public:
  explicit SpdlogSink(std::shared_ptr<spdlog::sinks::sink> sink) : sink_(std::move(sink)) {
    sink_->set_pattern("%v");
  }
  void Write(LogLevel level, std::string_view line) override {
    try {
      sink_->log(spdlog::details::log_msg(spdlog::string_view_t(), spdlog::level::info,
                                          spdlog::string_view_t(line.data(), line.size())));
      // A crash must not swallow what led to it; chatter below may wait.
      if (level >= LogLevel::kInfo) sink_->flush();
    } catch (const std::exception&) {
      // The disk is full, say. The log is not worth the process.
    }
  }

 private:
  std::shared_ptr<spdlog::sinks::sink> sink_;
};

struct Destination {
  std::atomic<LogLevel> min_level{LogLevel::kInfo};
  Mutex mu;
  std::shared_ptr<LogSink> sink ABSL_GUARDED_BY(mu);
};

// Never destroyed: other static objects may log while the process ends.
Destination& TheDestination() {
  static Destination& destination = *[] {
    auto* made = new Destination;
    MutexLock lock(&made->mu);
    made->sink = std::make_shared<SpdlogSink>(std::make_shared<spdlog::sinks::stderr_sink_st>());
    return made;
  }();
  return destination;
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

std::string FormatLine(LogLevel level, std::string_view message,
                       std::initializer_list<LogField> fields) {
  nlohmann::ordered_json line;
  line["ts"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", SystemClock().Wall(), absl::UTCTimeZone());
  line["level"] = LevelName(level);
  line["msg"] = message;
  for (const auto& [key, value] : fields) {
    std::visit([&, &key = key](const auto& v) { line[std::string(key)] = v; }, value.get());
  }
  return RedactTokens(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
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
  const std::string line = FormatLine(level, message, fields);
  Destination& destination = TheDestination();
  MutexLock lock(&destination.mu);
  if (destination.sink != nullptr) destination.sink->Write(level, line);
}

absl::Status InitLog(const LogOptions& options) {
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (options.path.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_st>();
  } else {
    try {
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_st>(
          options.path, options.max_file_bytes, options.max_files);
    } catch (const std::exception& e) {
      return MakeError(pb::ERROR_REASON_IO_FAILED, e.what(),
                       {{"operation", "open log"}, {"path", options.path}});
    }
  }
  SetLogSink(std::make_shared<SpdlogSink>(std::move(sink)), options.min_level);
  return absl::OkStatus();
}

void SetLogSink(std::shared_ptr<LogSink> sink, LogLevel min_level) {
  Destination& destination = TheDestination();
  {
    MutexLock lock(&destination.mu);
    destination.sink.swap(sink);
    destination.min_level = min_level;
  }
  // The former sink goes here, outside the lock: its destructor may flush.
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
