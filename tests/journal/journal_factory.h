// The kinds of journal there are, for the tests of what all of them promise. A new implementation
// adds itself to JournalKinds.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "hub/journal/memory_journal.h"
#include "tests/journal/format1.h"
#include "tests/journal/harness.h"

namespace coordhub::journal {

// Makes one journal, and gives its files a place.
class JournalFactory {
 public:
  virtual ~JournalFactory() = default;
  // An empty one.
  virtual std::unique_ptr<Journal> Open() = 0;
  // One with some events, as a release left it that kept no store.
  virtual std::unique_ptr<Journal> OpenIncomplete() = 0;
  // It has files: backups, and life beyond the object.
  virtual bool on_disk() const = 0;
  // A path for a backup.
  virtual std::string Below(const std::string& name) const = 0;
};

struct JournalKind {
  const char* name;
  std::function<std::unique_ptr<JournalFactory>()> make;
};

class SqliteFactory final : public JournalFactory {
 public:
  std::unique_ptr<Journal> Open() override { return disk_.Open(); }
  std::unique_ptr<Journal> OpenIncomplete() override {
    MakeFormat1(disk_);
    return disk_.Open();
  }
  bool on_disk() const override { return true; }
  std::string Below(const std::string& name) const override { return disk_.Below(name); }

 private:
  JournalOnDisk disk_;
};

class MemoryFactory final : public JournalFactory {
 public:
  std::unique_ptr<Journal> Open() override { return NewMemoryJournal(kLogId); }
  std::unique_ptr<Journal> OpenIncomplete() override {
    auto journal = NewMemoryJournal(MemoryOptions{kLogId, /*store_incomplete=*/true});
    AppendUpTo(journal.get(), 6);
    return journal;
  }
  bool on_disk() const override { return false; }
  std::string Below(const std::string& name) const override { return directory_ / name; }

 private:
  static constexpr char kLogId[] = "00000000000000000000000000000001";
  TempDir directory_;
};

inline std::vector<JournalKind> JournalKinds() {
  return {{"Sqlite", [] { return std::make_unique<SqliteFactory>(); }},
          {"Memory", [] { return std::make_unique<MemoryFactory>(); }}};
}

inline std::string NameOf(const ::testing::TestParamInfo<JournalKind>& kind) {
  return kind.param.name;
}

// A test of what every journal promises.
class JournalContract : public ::testing::TestWithParam<JournalKind> {
 protected:
  JournalContract() : factory_(GetParam().make()), journal_(factory_->Open()) {}

  const std::unique_ptr<JournalFactory> factory_;
  std::unique_ptr<Journal> journal_;
};

}  // namespace coordhub::journal
