// A mirror on a real directory with the real rules behind it, and its time in our hands.

#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/ids.h"
#include "agent/base/log.h"
#include "agent/base/manual_clock.h"
#include "gtest/gtest.h"
#include "hub/mirror/mirror.h"
#include "tests/agent/base/temp_dir.h"
#include "tests/mirror/fake_hub.h"

namespace coordhub::mirror {

class RecordedLog : public base::LogSink {
 public:
  void Write(base::LogLevel, std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

class SharedStateTest : public ::testing::Test {
 protected:
  SharedStateTest() : log_(std::make_shared<RecordedLog>()) {
    base::SetLogSink(log_, base::LogLevel::kInfo);
    directory_ = temp_.path() + "/shared_state";
    options_.directory = directory_;
    options_.view = [this] { return hub_.view(); };
    options_.decorate_agent = [](const core::View&, v1::Agent*) {};
    options_.current_branch = [] { return std::string("main"); };
    options_.on_mirrored = [](int64_t) {};
    options_.ids = &ids_;
    // Else how long a round rests hangs on how fast this machine is.
    options_.processor_time = [] { return absl::ZeroDuration(); };
    options_.submit = [this](std::unique_ptr<core::Command> command, const engine::Done& done) {
      hub_.Submit(std::move(command), done);
    };
  }
  ~SharedStateTest() override { base::SetLogSink(nullptr, base::LogLevel::kError); }

  // A mirror of a new process on the same log.
  void Restart() { mirror_ = std::make_unique<Mirror>(options_, &clock_); }

  // Makes the directory and both files.
  void Start() {
    Restart();
    Run(absl::ZeroDuration());
  }

  // Steps as a runner would, for this long.
  void Run(absl::Duration time) {
    const base::MonoTime end = clock_.Mono() + time;
    int64_t shown = -1;
    do {
      const base::MonoTime next = mirror_->Step();
      const bool news = std::exchange(shown, hub_.view()->revision) != hub_.view()->revision;
      const base::MonoTime due = news ? mirror_->earliest() : next;
      if (due > clock_.Mono()) clock_.Advance(std::min(due, end) - clock_.Mono());
    } while (clock_.Mono() < end);
    mirror_->Step();
  }
  // Long enough for a line to be imported, shown, and its file to go.
  void Settle() { Run(absl::Seconds(5)); }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  std::string Read(const std::string& name) const {
    std::ifstream file(Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
  }
  void Append(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary | std::ios::app) << text;
  }
  std::vector<std::string> Names(const std::string& prefix = "",
                                 const std::string& inner = "") const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(Path(inner))) {
      std::string name = entry.path().filename().string();
      if (name.compare(0, prefix.size(), prefix) == 0) names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  std::vector<std::string> TitlesInOrder() const {
    std::vector<std::string> titles;
    for (const v1::Ticket& ticket : hub_.Tickets()) titles.push_back(ticket.title());
    return titles;
  }

  base::TempDir temp_;
  std::shared_ptr<RecordedLog> log_;
  base::ManualClock clock_;
  base::SequenceIdSource ids_{1};
  FakeHub hub_{&clock_};
  std::string directory_;
  MirrorOptions options_;
  std::unique_ptr<Mirror> mirror_;
};

}  // namespace coordhub::mirror
