#pragma once

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "agent/base/ids.h"
#include "agent/base/mutex.h"
#include "gtest/gtest.h"
#include "hub/engine/workspace.h"
#include "hub/journal/memory_journal.h"
#include "hub/journal/sqlite_journal.h"
#include "tests/engine/commands.h"
#include "tests/engine/scripted_journal.h"

namespace coordhub::engine {

// A value that one thread waits for and another gives.
template <class T>
class Waitable {
 public:
  void Set(T value) {
    base::MutexLock lock(&mu_);
    value_ = std::move(value);
    set_.Signal();
  }
  T Get() {
    base::MutexLock lock(&mu_);
    while (!value_) set_.Wait(&mu_);
    return *value_;
  }

 private:
  base::Mutex mu_;
  base::CondVar set_;
  std::optional<T> value_ ABSL_GUARDED_BY(mu_);
};

// A workspace that runs, and calls of it that wait for their end.
class WorkspaceTest : public ::testing::Test {
 protected:
  WorkspaceTest() {
    options_.workspace_id = "test";
    options_.version = "test";
    options_.retained_events = 1000;
  }
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/workspace_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override {
    workspace_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Open(std::unique_ptr<journal::Journal> journal) {
    auto opened = Workspace::Open(options_, std::move(journal), &clock_, &ids_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    workspace_ = std::move(*opened);
  }
  journal::SqliteOptions SqliteAt(const std::string& name) {
    journal::SqliteOptions options;
    options.state_dir = directory_ + "/" + name;
    options.version = "test";
    options.ids = &ids_;
    return options;
  }
  // On the same journal again, after the first time. What the script may do, when there is one, is
  // up to `script`.
  void OpenSqlite(const std::function<void(ScriptedJournal*)>& script = nullptr) {
    workspace_.reset();
    auto journal = journal::OpenSqliteJournal(SqliteAt("state"));
    ASSERT_TRUE(journal.ok()) << journal.status();
    auto scripted = std::make_unique<ScriptedJournal>(std::move(*journal));
    if (script) script(scripted.get());
    Open(std::move(scripted));
  }

  absl::StatusOr<Outcome> Do(std::unique_ptr<core::Command> command) {
    auto done = std::make_shared<Waitable<absl::StatusOr<Outcome>>>();
    workspace_->Submit(std::move(command), base::MonoTime::InfiniteFuture(),
                       [done](absl::StatusOr<Outcome> outcome) { done->Set(std::move(outcome)); });
    return done->Get();
  }
  absl::StatusOr<Workspace::VerifyResult> TryVerify() {
    auto done = std::make_shared<Waitable<absl::StatusOr<Workspace::VerifyResult>>>();
    workspace_->Verify(
        [done](absl::StatusOr<Workspace::VerifyResult> result) { done->Set(std::move(result)); });
    return done->Get();
  }
  Workspace::VerifyResult Verify() {
    const auto result = TryVerify();
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : Workspace::VerifyResult();
  }
  absl::StatusOr<int64_t> Compact(int64_t revision) {
    auto done = std::make_shared<Waitable<absl::StatusOr<int64_t>>>();
    workspace_->Compact(revision,
                        [done](absl::StatusOr<int64_t> result) { done->Set(std::move(result)); });
    return done->Get();
  }
  absl::StatusOr<Workspace::BackupResult> Backup(const std::string& name) {
    auto done = std::make_shared<Waitable<absl::StatusOr<Workspace::BackupResult>>>();
    workspace_->Backup(directory_ + "/" + name, [done](absl::StatusOr<Workspace::BackupResult> r) {
      done->Set(std::move(r));
    });
    return done->Get();
  }
  absl::StatusOr<std::vector<EncodedEvent>> ReadEvents(int64_t after) {
    auto done = std::make_shared<Waitable<absl::StatusOr<std::vector<EncodedEvent>>>>();
    workspace_->ReadEvents(after, 1000, 1 << 20,
                           [done](auto result) { done->Set(std::move(result)); });
    return done->Get();
  }

  std::string directory_;
  base::SystemClock clock_;
  base::SystemIdSource ids_;
  WorkspaceOptions options_;
  std::unique_ptr<Workspace> workspace_;
};

}  // namespace coordhub::engine
