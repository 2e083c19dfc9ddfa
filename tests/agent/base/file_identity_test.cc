#include "agent/base/file_identity.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "agent/base/unique_fd.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::base {
namespace {

TEST(FileIdentity, IsTheFilesAndNotTheNames) {
  TempDir temp;
  std::ofstream(temp / "a") << "one\n";
  const auto a = IdentityAt(temp / "a");
  ASSERT_TRUE(a.has_value());
  const UniqueFd open_file(open((temp / "a").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(rename((temp / "a").c_str(), (temp / "b").c_str()), 0);
  EXPECT_EQ(IdentityAt(temp / "b"), a);
  EXPECT_EQ(IdentityOf(open_file.get()), a);
  EXPECT_FALSE(IdentityAt(temp / "a").has_value());
  std::ofstream(temp / "a") << "two\n";
  EXPECT_NE(IdentityAt(temp / "a"), a);
}

TEST(FileIdentity, FindsWhoHasADirectoryLockedUnderAnyName) {
  TempDir temp;
  ASSERT_EQ(mkdir((temp / "dir").c_str(), 0700), 0);
  const FileIdentity directory = *IdentityAt(temp / "dir");
  EXPECT_EQ(FlockHolder(directory), 0);
  {
    const UniqueFd fd(open((temp / "dir").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    EXPECT_EQ(FlockHolder(directory), 0) << "open, but not locked";
    ASSERT_EQ(flock(fd.get(), LOCK_EX | LOCK_NB), 0);
    ASSERT_EQ(rename((temp / "dir").c_str(), (temp / "moved").c_str()), 0);
    EXPECT_EQ(FlockHolder(directory), getpid());
    EXPECT_EQ(FlockHolder(*IdentityAt(temp.path())), 0) << "another one";
  }
  EXPECT_EQ(FlockHolder(directory), 0);
}

TEST(FileIdentity, KnowsWhatAProcessHasOpen) {
  TempDir temp;
  std::ofstream(temp / "a") << "one\n";
  const FileIdentity a = *IdentityAt(temp / "a");
  EXPECT_FALSE(HasOpen(getpid(), a));
  const UniqueFd fd(open((temp / "a").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(HasOpen(getpid(), a));
  ASSERT_EQ(unlink((temp / "a").c_str()), 0);
  EXPECT_TRUE(HasOpen(getpid(), a)) << "removed, but open still";
}

}  // namespace
}  // namespace coordhub::base
