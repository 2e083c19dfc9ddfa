#include "agent/base/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/error.h"
#include "agent/base/unique_fd.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::base {
namespace {

constexpr size_t kMax = 1 << 20;

std::vector<std::string> Names(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(lstat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}

TEST(AtomicReplaceFile, CreatesAndReplacesAndLeavesNothingElse) {
  const TempDir dir;
  const std::string path = dir / "file";
  for (const Sync sync : {Sync::kYes, Sync::kNo}) {
    for (const std::string& bytes :
         {std::string("one"), std::string(), std::string(100'000, 'x')}) {
      ASSERT_TRUE(AtomicReplaceFile(path, bytes, 0600, sync).ok());
      EXPECT_EQ(**ReadFile(path, kMax), bytes);
      EXPECT_THAT(Names(dir.path()), testing::ElementsAre("file"));
    }
  }
}

TEST(AtomicReplaceFile, ModeIsAsAskedWhateverTheUmaskOrTheOldFile) {
  const TempDir dir;
  const std::string path = dir / "file";
  const mode_t umask_before = umask(0077);
  ASSERT_TRUE(AtomicReplaceFile(path, "x", 0644).ok());
  EXPECT_EQ(ModeOf(path), 0644u);
  umask(0);
  ASSERT_TRUE(AtomicReplaceFile(path, "x", 0600).ok());
  EXPECT_EQ(ModeOf(path), 0600u);
  umask(umask_before);
}

TEST(AtomicReplaceFile, ReplacesASymbolicLinkAndSparesItsTarget) {
  const TempDir dir;
  ASSERT_TRUE(AtomicReplaceFile(dir / "target", "precious", 0600).ok());
  std::filesystem::create_symlink("target", dir / "link");
  ASSERT_TRUE(AtomicReplaceFile(dir / "link", "new", 0600).ok());
  EXPECT_EQ(**ReadFile(dir / "target", kMax), "precious");
  EXPECT_EQ(**ReadFile(dir / "link", kMax), "new");
}

TEST(AtomicReplaceFile, AFailureNamesTheOperationAndLeavesNoTemporaryFile) {
  const TempDir dir;
  const absl::Status no_directory = AtomicReplaceFile(dir / "missing/file", "x", 0600);
  EXPECT_EQ(ReasonOf(no_directory), pb::ERROR_REASON_IO_FAILED);
  EXPECT_EQ(MetadataOf(no_directory, "operation"), "open directory");

  std::filesystem::create_directory(dir / "taken");
  const absl::Status taken = AtomicReplaceFile(dir / "taken", "x", 0600);
  EXPECT_EQ(MetadataOf(taken, "operation"), "rename");
  EXPECT_THAT(Names(dir.path()), testing::ElementsAre("taken"));
}

// A limit on file sizes stands in for a disk that fills up halfway.
TEST(AtomicReplaceFile, AWriteThatFailsHalfwayLeavesTheOldFile) {
  const TempDir dir;
  ASSERT_TRUE(AtomicReplaceFile(dir / "file", "old", 0600).ok());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 4096, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = AtomicReplaceFile(dir / "file", std::string(10'000, 'x'), 0600);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);

  EXPECT_EQ(ReasonOf(status), pb::ERROR_REASON_IO_FAILED);
  EXPECT_EQ(MetadataOf(status, "operation"), "write");
  EXPECT_EQ(**ReadFile(dir / "file", kMax), "old");
  EXPECT_THAT(Names(dir.path()), testing::ElementsAre("file"));
}

// Readers race a writer: each sees one whole version.
TEST(AtomicReplaceFile, ReadersSeeOldOrNewNeverAMixture) {
  const TempDir dir;
  const std::string path = dir / "file";
  ASSERT_TRUE(AtomicReplaceFile(path, std::string(50'000, 'a'), 0600, Sync::kNo).ok());
  std::atomic<bool> done{false};
  std::atomic<int> reads{0};
  std::thread reader([&] {
    do {
      const auto bytes = ReadFile(path, kMax);
      ASSERT_TRUE(bytes.ok() && bytes->has_value());
      ASSERT_EQ((*bytes)->size(), 50'000u);
      ASSERT_EQ((*bytes)->find_first_not_of((*bytes)->front()), std::string::npos);
      ++reads;
    } while (!done);
  });
  for (int i = 0; i < 200; ++i) {
    const std::string bytes(50'000, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(AtomicReplaceFile(path, bytes, 0600, Sync::kNo).ok());
  }
  done = true;
  reader.join();
  EXPECT_GT(reads, 0);
}

TEST(ReadFile, TellsNothingThereFromTrouble) {
  const TempDir dir;
  const auto missing = ReadFile(dir / "missing", kMax);
  ASSERT_TRUE(missing.ok());
  EXPECT_FALSE(missing->has_value());
  EXPECT_EQ(ReasonOf(ReadFile(dir.path(), kMax).status()), pb::ERROR_REASON_IO_FAILED);
}

TEST(ReadFile, RefusesLinksAndDevicesWithoutHanging) {
  const TempDir dir;
  ASSERT_TRUE(AtomicReplaceFile(dir / "target", "x", 0600).ok());
  std::filesystem::create_symlink("target", dir / "link");
  EXPECT_EQ(ReasonOf(ReadFile(dir / "link", kMax).status()), pb::ERROR_REASON_IO_FAILED);
  ASSERT_EQ(mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(ReasonOf(ReadFile(dir / "fifo", kMax).status()), pb::ERROR_REASON_IO_FAILED);
  EXPECT_EQ(ReasonOf(ReadFile("/dev/zero", kMax).status()), pb::ERROR_REASON_IO_FAILED);
}

TEST(ReadFile, TheLimitIsInclusive) {
  const TempDir dir;
  ASSERT_TRUE(AtomicReplaceFile(dir / "f", std::string(40'000, 'x'), 0600).ok());
  EXPECT_TRUE(ReadFile(dir / "f", 40'000).ok());
  const auto beyond = ReadFile(dir / "f", 39'999);
  EXPECT_EQ(ReasonOf(beyond.status()), pb::ERROR_REASON_LIMIT_REACHED);
  EXPECT_EQ(MetadataOf(beyond.status(), "limit"), "39999");
}

TEST(EnsurePrivateDirectory, CreatesAcceptsAndRefuses) {
  const TempDir dir;
  const std::string path = dir / "state";
  ASSERT_TRUE(EnsurePrivateDirectory(path).ok());
  EXPECT_EQ(ModeOf(path), 0700u);
  EXPECT_TRUE(EnsurePrivateDirectory(path).ok());

  const auto refused = [](const std::string& candidate) {
    const absl::Status status = EnsurePrivateDirectory(candidate);
    return ReasonOf(status) == pb::ERROR_REASON_STATE_DIR_UNUSABLE &&
           MetadataOf(status, "path") == candidate;
  };
  for (const mode_t mode : {0750u, 0701u, 0777u, 0500u}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_TRUE(refused(path)) << std::oct << mode;
  }
  ASSERT_EQ(chmod(path.c_str(), 0700), 0);
  std::filesystem::create_directory_symlink("state", dir / "link");
  EXPECT_TRUE(refused(dir / "link"));
  std::ofstream(dir / "file") << "x";
  EXPECT_TRUE(refused(dir / "file"));
  EXPECT_TRUE(refused(dir / "no/parent"));
  if (geteuid() != 0) {
    EXPECT_TRUE(refused("/usr"));
  }
}

TEST(UniqueFd, ClosesWhatItOwnsOnce) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd read_end(ends[0]);
  {
    UniqueFd first(ends[1]);
    UniqueFd second = std::move(first);
    // NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move): promised
    EXPECT_FALSE(first.valid());
    EXPECT_TRUE(second.valid());
  }
  char byte = 0;
  EXPECT_EQ(read(read_end.get(), &byte, 1), 0);  // end of file: the other end is closed
}

}  // namespace
}  // namespace coordhub::base
