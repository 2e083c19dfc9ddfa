#include "agent/base/git_config.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/agent/base/shell.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::base {
namespace {

// As `git config --list -z` prints it, less the zeroes.
std::string Listed(const std::vector<GitSetting>& settings) {
  std::string out;
  for (const GitSetting& setting : settings) {
    out += setting.key;
    if (setting.value.has_value()) out += "\n" + *setting.value;
    out += '@';
  }
  return out;
}

TEST(GitConfig, ReadsWhatGitReads) {
  const TempDir dir;
  const Shell shell(dir);
  for (const char* text :
       {"", "\n\n", "# only this", "[core]", "[core]\n", "[core]\n\tbare = true\n",
        "[core] bare = true ; said\n[core]\nBare=false # not so\n", "[Core]\n\tBARE\n",
        "[core]bare", "[core]\nbare =\n", "[core]\nbare = \"\"\n", "\xEF\xBB\xBF[core]\nbare = 1\n",
        "[core]\r\n\tworktree = a b  \r\n", "[core]\nworktree =   \"  a b \"  \n",
        "[core]\nworktree = a\\\n  b\n", "[core]\nworktree = \"a;b\" ;c\n",
        "[core]\nworktree = a\"b c\"d  e\n", "[core]\nworktree = \\t\\\"\\\\\\n\\b|\n",
        "[branch \"Main\"]\n\tremote = o\n", "[branch   \"a\\\"]b\\\\c\"]x=1\n[b.C]\ny=2\n",
        "[a]\nb = 1\nb-2 = 2\n[c]\n  d\t=\t3\n", "[a]\nb = x # c \\\nd = 2\n", "x = 1\n",
        "[a]\nb = x   \"  \"\n", "[a]\nb = \"x\"   y\n", "[a]\nb = x\\\n", "[a]\nb = x\\",
        // Refused.
        "[core\n", "[core]\n1bare = true\n", "[core]\nbare true\n", "[core]\nw = \"a\n",
        "[core]\nw = a\\q\n", "[]\n", "[a \"b]\n", "[a \"b\" ]\n", "[a_b]\n", "[a]\nb_c = 1\n",
        "\xEF\xBB[core]\n", "[a \"b\nc\"]\n", "[core]]\n"}) {
    SCOPED_TRACE(text);
    std::ofstream(dir / "config") << text;
    const auto settings = ReadGitConfig(dir / "config");
    std::string listed;
    const bool ok = shell.Try(
        "git config --file config --list -z | tr '\\0' '@'; "
        "exit ${PIPESTATUS[0]}",
        &listed);
    ASSERT_EQ(settings.has_value(), ok) << listed;
    if (ok) {
      std::string ours = Listed(*settings);
      while (!ours.empty() && ours.back() == '\n') ours.pop_back();
      EXPECT_EQ(ours, listed);
    }
  }
}

TEST(GitConfig, TrueIsWhatGitTakesForIt) {
  for (const char* word : {"true", "TRUE", "yes", "on", "1", "2", "-1"}) {
    EXPECT_TRUE((GitSetting{"core.bare", word}.IsTrue())) << word;
  }
  for (const char* word : {"false", "no", "off", "0", ""}) {
    EXPECT_FALSE((GitSetting{"core.bare", word}.IsTrue())) << word;
  }
  EXPECT_TRUE((GitSetting{"core.bare", std::nullopt}.IsTrue()));
}

TEST(GitConfig, AFileThatIsNotThereHasNoSettings) {
  const TempDir dir;
  ASSERT_TRUE(ReadGitConfig(dir / "missing").has_value());
  EXPECT_TRUE(ReadGitConfig(dir / "missing")->empty());
  EXPECT_FALSE(ReadGitConfig(dir.path()).has_value());  // a directory
}

}  // namespace
}  // namespace coordhub::base
