#include "agent/base/file_mark.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/agent/base/temp_dir.h"

namespace coordhub::base {
namespace {

TEST(FileMark, StaysWithWhatIsMovedAndChanged) {
  const TempDir dir;
  std::ofstream(dir / "a") << "one";
  const FileMark mark = *FileMark::At(dir / "a");
  std::ofstream(dir / "a") << "two";
  std::filesystem::rename(dir / "a", dir / "b");
  EXPECT_TRUE(mark.Matches(*FileMark::At(dir / "b")));
  EXPECT_FALSE(FileMark::At(dir / "a").has_value());
  std::filesystem::create_symlink("b", dir / "link");
  EXPECT_TRUE(mark.Matches(*FileMark::At(dir / "link")));
}

TEST(FileMark, ACopyHasAnother) {
  const TempDir dir;
  std::ofstream(dir / "a") << "one";
  std::filesystem::copy(dir / "a", dir / "b");
  EXPECT_FALSE(FileMark::At(dir / "a")->Matches(*FileMark::At(dir / "b")));
  std::filesystem::create_directory(dir / "d");
  std::filesystem::create_directory(dir / "e");
  EXPECT_FALSE(FileMark::At(dir / "d")->Matches(*FileMark::At(dir / "e")));
}

// The number of a file that is gone is given to the next one.
TEST(FileMark, OfTheSameNumberTheTimeOfBirthTells) {
  FileMark mark{.inode = 7, .birth_ns = 100};
  EXPECT_FALSE(mark.Matches({.inode = 7, .birth_ns = 101}));
  EXPECT_TRUE(mark.Matches({.inode = 7, .birth_ns = 0})) << "where it is not known it says nothing";
  EXPECT_FALSE(mark.Matches({.inode = 7, .birth_ns = 100, .volume = 2}));
}

TEST(FileMark, RoundTrips) {
  const FileMark mark{.inode = ~uint64_t{0}, .birth_ns = 1'764'517'714'958'753'672, .volume = 5};
  EXPECT_TRUE(FileMark::Parse(mark.ToString())->Matches(mark));
  for (const char* none : {"", "1", "1:2", "1:2:3:4", "a:b:c", "1:2:"}) {
    EXPECT_FALSE(FileMark::Parse(none).has_value()) << none;
  }
}

}  // namespace
}  // namespace coordhub::base
