// Full disks and failing ones: a journal in another process, on a disk that fails on command
// (tests/faults/faulty_io.c).

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "hub/journal/file_system.h"
#include "tests/journal/harness.h"
#include "tests/journal/raw_database.h"
#include "tests/support/child.h"

namespace coordhub::journal {
namespace {

// The driver (journal_driver.cc) as a child with the faulty disk preloaded.
class Driver {
 public:
  Driver(const std::string& state_dir, const std::string& faults) {
    int input[2];
    int output[2];
    if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) std::abort();
    // The sanitizers' run-time library cannot be the first one now.
    const char* asan_options = std::getenv("ASAN_OPTIONS");
    const std::string asan = absl::StrCat(
        "ASAN_OPTIONS=", asan_options == nullptr ? "" : asan_options, ":verify_asan_link_order=0");
    process_ = test::Child::Executing({"env", asan, "COORDHUB_FAULTS=" + faults,
                                       "LD_PRELOAD=" FAULTY_IO, JOURNAL_DRIVER, state_dir},
                                      {{input[0], STDIN_FILENO}, {output[1], STDOUT_FILENO}});
    close(input[0]);
    close(output[1]);
    commands_ = fdopen(input[1], "w");
    answers_ = fdopen(output[0], "r");
  }
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  ~Driver() {
    Kill();
    fclose(commands_);
    fclose(answers_);
  }

  // The whole answer to a command; empty when the process has ended.
  std::string Ask(const std::string& command) {
    std::fprintf(commands_, "%s\n", command.c_str());
    std::fflush(commands_);
    char line[2048];
    if (std::fgets(line, sizeof(line), answers_) == nullptr) return "";
    std::string answer(line);
    if (!answer.empty() && answer.back() == '\n') answer.pop_back();
    return answer;
  }
  // Its first word: `ok` or a reason.
  std::string Reason(const std::string& command) {
    const std::string answer = Ask(command);
    return answer.substr(0, answer.find(' '));
  }

  void Kill() { process_->Kill(); }

 private:
  std::optional<test::Child> process_;
  FILE* commands_ = nullptr;
  FILE* answers_ = nullptr;
};

class DiskFaultTest : public ::testing::Test {
 protected:
  DiskFaultTest() { signal(SIGPIPE, SIG_IGN); }

  std::string control() const { return disk_.Below("faults"); }
  // From here on the disk has these faults.
  void Break(const std::string& faults) {
    WriteBytes(control() + ".new", absl::StrCat("prefix ", disk_.state_dir(), "\n", faults, "\n"));
    std::filesystem::rename(control() + ".new", control());
  }
  void Mend() { std::filesystem::remove(control()); }

  std::unique_ptr<Driver> Start() { return std::make_unique<Driver>(disk_.state_dir(), control()); }

  // What another process finds: all events from 1 to `head`.
  void ExpectLog(int64_t head) {
    const auto journal = disk_.Open();
    ASSERT_NE(journal, nullptr);
    EXPECT_EQ(journal->head_revision(), head);
    const auto entries = ReadAll(journal.get(), 0);
    ASSERT_TRUE(entries.ok()) << entries.status();
    EXPECT_EQ(Revisions(*entries), Range(1, head));
    for (const Entry& entry : *entries) EXPECT_TRUE(IsGenuine(entry));
  }

  JournalOnDisk disk_;
};

class FullDiskTest : public DiskFaultTest, public ::testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Ways, FullDiskTest, ::testing::Values("enospc", "enospc-growth"),
                         [](const ::testing::TestParamInfo<const char*>& way) {
                           return std::string(way.param) == "enospc" ? "NothingIsWritten"
                                                                     : "NothingGrows";
                         });

TEST_P(FullDiskTest, AppendsAreRefusedReadsGoOnAndWritingResumesByItself) {
  const auto driver = Start();
  ASSERT_EQ(driver->Ask("open"), "ok 0");
  ASSERT_EQ(driver->Ask("append 5 100"), "ok 5");
  Break(GetParam());
  EXPECT_EQ(driver->Reason("append 3 9000"), "DISK_FULL");
  EXPECT_EQ(driver->Reason("append 3 9000"), "DISK_FULL");
  EXPECT_EQ(driver->Ask("read"), "ok 5");
  Mend();
  EXPECT_EQ(driver->Ask("append 2 100"), "ok 7");
  EXPECT_EQ(driver->Ask("read"), "ok 7");
  driver->Kill();
  ExpectLog(7);
}

TEST_F(DiskFaultTest, ALogWithoutSpaceForItsRoomIsOpenedWithoutIt) {
  Break("enospc-after 80000");
  const auto driver = Start();
  EXPECT_EQ(driver->Ask("open 1000000"), "ok 0");
  EXPECT_EQ(FileSize(disk_.log()), 0);
  EXPECT_EQ(driver->Reason("append 1 9000"), "DISK_FULL");
  Mend();
  EXPECT_EQ(driver->Ask("append 1 9000"), "ok 1");
}

TEST_F(DiskFaultTest, OnAFullDiskWritingGoesOnWhileTheLogHasRoom) {
  const auto driver = Start();
  ASSERT_EQ(driver->Ask("open 65536"), "ok 0");
  Break("enospc-growth");
  EXPECT_EQ(driver->Ask("append 5 100"), "ok 5");
  EXPECT_EQ(driver->Reason("append 20 9000"), "DISK_FULL");
  EXPECT_EQ(driver->Ask("read"), "ok 5");
  EXPECT_EQ(driver->Ask("append 2 100"), "ok 7");
  driver->Kill();
  Mend();
  ExpectLog(7);
}

TEST_P(FullDiskTest, NoPartOfARefusedTransactionIsFoundAfterAKill) {
  const auto driver = Start();
  ASSERT_EQ(driver->Ask("open"), "ok 0");
  ASSERT_EQ(driver->Ask("append 5 100"), "ok 5");
  Break(GetParam());
  ASSERT_EQ(driver->Reason("append 3 9000"), "DISK_FULL");
  driver->Kill();
  Mend();
  ExpectLog(5);
}

TEST_P(FullDiskTest, SnapshotsAndCompactionFailAndChangeNothing) {
  const auto driver = Start();
  ASSERT_EQ(driver->Ask("open"), "ok 0");
  ASSERT_EQ(driver->Ask("append 5 100"), "ok 5");
  ASSERT_EQ(driver->Ask("snapshot"), "ok 5");
  ASSERT_EQ(driver->Ask("append 5 100"), "ok 10");
  Break(GetParam());
  EXPECT_EQ(driver->Reason("snapshot"), "DISK_FULL");
  EXPECT_EQ(driver->Ask("load"), "ok 5");
  EXPECT_FALSE(std::filesystem::exists(disk_.snapshot(10)));
  Mend();
  EXPECT_EQ(driver->Ask("snapshot"), "ok 10");
  EXPECT_EQ(driver->Ask("load"), "ok 10");
  Break(GetParam());
  EXPECT_EQ(driver->Reason("compact"), "DISK_FULL");
  EXPECT_EQ(driver->Ask("read"), "ok 10");
  Mend();
  EXPECT_EQ(driver->Ask("compact"), "ok 10");
  EXPECT_EQ(driver->Ask("append 1 100"), "ok 11");
}

TEST_P(FullDiskTest, ACheckpointThatFindsNoSpaceIsMadeUpForLater) {
  const auto driver = Start();
  ASSERT_EQ(driver->Ask("open"), "ok 0");
  ASSERT_EQ(driver->Ask("append 50 3000"), "ok 50");
  Break(GetParam());
  EXPECT_EQ(driver->Reason("checkpoint"), "DISK_FULL");
  EXPECT_EQ(driver->Ask("read"), "ok 50");
  Mend();
  EXPECT_EQ(driver->Ask("append 1 100"), "ok 51");
  EXPECT_EQ(driver->Ask("checkpoint"), "ok 51");
  driver->Kill();
  ExpectLog(51);
}

TEST_P(FullDiskTest, NoNewJournalBeginsAndALaterStartMakesOne) {
  ASSERT_TRUE(PrepareStateDirectory(disk_.state_dir()).ok());
  Break(GetParam());
  const auto driver = Start();
  EXPECT_EQ(driver->Reason("open"), "DISK_FULL");
  Mend();
  EXPECT_EQ(driver->Ask("open"), "ok 0");
  EXPECT_EQ(driver->Ask("append 1 10"), "ok 1");
}

TEST_P(FullDiskTest, ATransactionLargerThanTheCacheIsUndoneWhole) {
  const auto driver = Start();
  ASSERT_EQ(driver->Ask("open"), "ok 0");
  ASSERT_EQ(driver->Ask("append 5 100"), "ok 5");
  Break("enospc-after 19000000");
  EXPECT_EQ(driver->Reason("append 800 50000"), "DISK_FULL");
  EXPECT_EQ(driver->Ask("read"), "ok 5");
  Mend();
  EXPECT_EQ(driver->Ask("append 1 100"), "ok 6");
  driver->Kill();
  ExpectLog(6);
}

TEST_F(DiskFaultTest, WhereverTheSpaceEndsATransactionIsWholeOrNotThere) {
  const auto driver = Start();
  ASSERT_EQ(driver->Ask("open"), "ok 0");
  int64_t head = 0;
  int refused = 0;
  for (int bytes = 0; bytes <= 22000; bytes += 700) {
    Break(absl::StrCat("enospc-after ", bytes));
    const std::string reason = driver->Reason("append 4 2500");
    if (reason == "ok") {
      head += 4;
    } else {
      ASSERT_EQ(reason, "DISK_FULL") << bytes;
      ++refused;
    }
    ASSERT_EQ(driver->Ask("read"), absl::StrCat("ok ", head)) << bytes;
    Mend();
    ASSERT_EQ(driver->Ask("append 1 10"), absl::StrCat("ok ", ++head)) << bytes;
  }
  EXPECT_GT(refused, 10);
  driver->Kill();
  ExpectLog(head);
}

class FailingDiskTest : public DiskFaultTest, public ::testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Ways, FailingDiskTest, ::testing::Values("fsync-eio", "write-eio"),
                         [](const ::testing::TestParamInfo<const char*>& way) {
                           return std::string(way.param) == "fsync-eio" ? "Sync" : "Write";
                         });

TEST_P(FailingDiskTest, AfterOneFailureNothingIsAcknowledgedOrReadUntilARestart) {
  auto driver = Start();
  ASSERT_EQ(driver->Ask("open"), "ok 0");
  ASSERT_EQ(driver->Ask("append 5 100"), "ok 5");
  Break(GetParam());
  EXPECT_EQ(driver->Reason("append 1 100"), "IO_FAILED");
  Mend();
  for (const char* command : {"append 1 100", "read", "checkpoint", "snapshot"}) {
    EXPECT_EQ(driver->Reason(command), "IO_FAILED") << command << ", though the disk works again";
  }
  driver = nullptr;
  driver = Start();
  // Whether the event whose sync failed is there is unknown; all that were acknowledged are.
  const std::string head = driver->Ask("open");
  EXPECT_TRUE(head == "ok 5" || head == "ok 6") << head;
  EXPECT_EQ(driver->Ask("read"), head);
}

TEST_P(FailingDiskTest, AFailedCheckpointEndsEverythingToo) {
  auto driver = Start();
  ASSERT_EQ(driver->Ask("open"), "ok 0");
  ASSERT_EQ(driver->Ask("append 50 3000"), "ok 50");
  Break(GetParam());
  EXPECT_EQ(driver->Reason("checkpoint"), "IO_FAILED");
  Mend();
  EXPECT_EQ(driver->Reason("append 1 100"), "IO_FAILED");
  driver = nullptr;
  ExpectLog(50);
}

TEST_F(DiskFaultTest, WhicheverSyncFailsNoAcknowledgedEventIsLost) {
  for (int after = 0; after < 8; ++after) {
    SCOPED_TRACE(absl::StrCat("after ", after, " syncs"));
    const auto driver = Start();
    const std::string opened = driver->Ask("open");
    ASSERT_EQ(opened.substr(0, 3), "ok ");
    int64_t head = std::stoll(opened.substr(3));
    Break(absl::StrCat("fsync-eio-after ", after));
    std::string reason;
    for (int i = 0; i < 20; ++i) {
      reason = driver->Reason(i % 3 == 2 ? "checkpoint" : "append 1 2000");
      if (reason != "ok") break;
      if (i % 3 != 2) ++head;
    }
    EXPECT_EQ(reason, "IO_FAILED");
    driver->Kill();
    Mend();
    const auto journal = disk_.Open();
    ASSERT_NE(journal, nullptr);
    EXPECT_GE(journal->head_revision(), head);
    EXPECT_LE(journal->head_revision(), head + 1);
    EXPECT_EQ(Revisions(*ReadAll(journal.get(), 0)), Range(1, journal->head_revision()));
  }
}

TEST_F(DiskFaultTest, ASnapshotThatCannotBeSyncedIsNotKept) {
  const auto driver = Start();
  ASSERT_EQ(driver->Ask("open"), "ok 0");
  ASSERT_EQ(driver->Ask("append 5 100"), "ok 5");
  ASSERT_EQ(driver->Ask("snapshot"), "ok 5");
  ASSERT_EQ(driver->Ask("append 5 100"), "ok 10");
  Break("fsync-eio");
  EXPECT_EQ(driver->Reason("snapshot"), "IO_FAILED");
  Mend();
  EXPECT_FALSE(std::filesystem::exists(disk_.snapshot(10)));
  EXPECT_EQ(driver->Ask("load"), "ok 5");
}

}  // namespace
}  // namespace coordhub::journal
