// A log sink that never makes who logs wait for a disk or a terminal.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "agent/base/log.h"

namespace coordhub::base {

// Lines wait in memory for a thread that writes them to another sink, in order. When kMaxBytes wait
// already, further ones are lost, and a line that says how many follows as soon as there is room.
// Any thread may call any method; only Flush waits.
class QueuedLogSink final : public LogSink {
 public:
  static constexpr size_t kMaxBytes = 1u << 20;
  // How long a destructor waits for what is still to be written: `to` may hang for ever.
  static constexpr absl::Duration kPatience = absl::Seconds(1);

  // `lost_note` makes the line about so many lost ones.
  QueuedLogSink(std::shared_ptr<LogSink> to, std::function<std::string(size_t)> lost_note);
  ~QueuedLogSink() override;

  void Write(LogLevel level, std::string_view line) override;
  // True: all that was written before is with `to`.
  bool Flush(absl::Duration patience) override;

 private:
  struct State;
  static void Run(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;  // shared with the thread, which may outlive this
};

}  // namespace coordhub::base
