// Verdicts against git's own, pair by pair: of histories from seeds, and of this project's.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "hub/git/merger.h"
#include "hub/git/radar.h"
#include "tests/git/generated_history.h"
#include "tests/git/scratch_repository.h"

namespace coordhub::git {
namespace {

struct Said {
  bool conflicting = false;
  std::set<std::string> paths;
};

std::string Describe(const Said& said) {
  std::string text = said.conflicting ? "conflicts" : "merges";
  for (const std::string& path : said.paths) absl::StrAppend(&text, " [", path, "]");
  return text;
}

Said OfVerdict(const MergeVerdict& verdict) {
  Said said;
  said.conflicting = verdict.conflict_count > 0;
  for (const ConflictPath& conflict : verdict.conflicts) said.paths.insert(conflict.path);
  return said;
}

// What `git merge-tree --write-tree` says of each pair, a process for each.
std::vector<Said> AskGit(const ScratchRepository& repo, const std::vector<CommitPair>& pairs) {
  std::string list;
  for (const CommitPair& pair : pairs) absl::StrAppend(&list, pair.ours, " ", pair.theirs, "\n");
  repo.Write("../pairs", list);
  const std::string output = repo.Run(
      "export GIT_OBJECT_DIRECTORY=$(mktemp -d) "
      "GIT_ALTERNATE_OBJECT_DIRECTORIES=$PWD/.git/objects; "
      "while read -r a b; do git merge-tree --write-tree --name-only --no-messages -z $a $b > "
      "../said; echo \"# $?\"; tr \"\\0\" \"\\n\" < ../said | tail -n +2; done < ../pairs; "
      "rm -r $GIT_OBJECT_DIRECTORY");
  std::vector<Said> answers;
  const std::vector<std::string> lines = absl::StrSplit(output, '\n', absl::SkipEmpty());
  for (const std::string& line : lines) {
    if (line == "# 0" || line == "# 1") {
      answers.emplace_back().conflicting = line == "# 1";
    } else {
      // Where a file and a directory clash, git also lists where the file would be put: under a
      // name that it invents from the commit's, and that no branch has. Of those only the path is
      // told.
      const bool is_invented = line.size() > 41 && line[line.size() - 41] == '~';
      answers.back().paths.insert(is_invented ? line.substr(0, line.size() - 41) : line);
    }
  }
  EXPECT_EQ(answers.size(), pairs.size()) << output.substr(0, 1000);
  return answers;
}

std::vector<CommitPair> AllPairs(const std::vector<std::string>& commits) {
  std::vector<CommitPair> pairs;
  for (size_t a = 0; a < commits.size(); ++a) {
    for (size_t b = a + 1; b < commits.size(); ++b) pairs.push_back({commits[a], commits[b]});
  }
  return pairs;
}

// Everything in the git directory, to the byte.
std::string Untouched(const ScratchRepository& repo) {
  return repo.Run("find .git -type f -print0 | sort -z | xargs -0 sha256sum");
}

struct Agreement {
  int pairs = 0;
  int conflicting = 0;
  int differing = 0;
};

// Nothing that git calls conflicting is called clean, and the rest agrees.
Agreement Compare(const ScratchRepository& repo, const std::vector<std::string>& commits) {
  Agreement agreement;
  const std::vector<CommitPair> pairs = AllPairs(commits);
  const std::string before = Untouched(repo);
  auto merger = Merger::Open(repo.common_dir());
  EXPECT_TRUE(merger.ok()) << merger.status();
  if (!merger.ok()) return agreement;
  const auto verdicts =
      (*merger)->CompareAll(pairs, repo.Git("rev-parse main"), [] { return false; });
  EXPECT_EQ(Untouched(repo), before);
  const std::vector<Said> git = AskGit(repo, pairs);
  for (size_t i = 0; i < pairs.size() && i < git.size(); ++i) {
    const std::string pair = absl::StrCat(pairs[i].ours, " ", pairs[i].theirs);
    EXPECT_TRUE(verdicts[i].has_value()) << pair;
    if (!verdicts[i].has_value()) continue;
    EXPECT_EQ(verdicts[i]->problem, "") << pair;
    const Said ours = OfVerdict(*verdicts[i]);
    EXPECT_FALSE(git[i].conflicting && verdicts[i]->clean())
        << pair << ": git says it " << Describe(git[i]);
    ++agreement.pairs;
    agreement.conflicting += git[i].conflicting ? 1 : 0;
    if (ours.conflicting != git[i].conflicting || ours.paths != git[i].paths) {
      ++agreement.differing;
      ADD_FAILURE() << pair << ": git says it " << Describe(git[i]) << ", we that it "
                    << Describe(ours);
    }
  }
  return agreement;
}

std::vector<std::string> CommitsOf(const ScratchRepository& repo,
                                   const std::vector<std::string>& branches) {
  std::vector<std::string> commits;
  for (const std::string& branch : branches) commits.push_back(repo.Git("rev-parse " + branch));
  return commits;
}

// COORDHUB_SEEDS=N: so many histories instead, from the seed of that number on.
int Seeds() {
  int seeds = 11;
  if (const char* wanted = getenv("COORDHUB_SEEDS")) {
    EXPECT_TRUE(absl::SimpleAtoi(wanted, &seeds)) << wanted;
  }
  return seeds;
}

TEST(MergeAgreement, WithGitOnGeneratedHistories) {
  Agreement all;
  for (int seed = 1; seed <= Seeds(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const ScratchRepository repo;
    const GeneratedHistory history(repo, {.seed = static_cast<uint64_t>(seed)});
    std::vector<std::string> branches = history.branches();
    branches.push_back("main");
    const Agreement agreement = Compare(repo, CommitsOf(repo, branches));
    all.pairs += agreement.pairs;
    all.conflicting += agreement.conflicting;
    all.differing += agreement.differing;
  }
  RecordProperty("pairs", all.pairs);
  RecordProperty("conflicting", all.conflicting);
  RecordProperty("differing", all.differing);
  EXPECT_GE(all.pairs, std::min(2000, Seeds() * 210));
  EXPECT_GT(all.conflicting, all.pairs / 20) << "or nothing was tried";
  EXPECT_LT(all.conflicting, all.pairs * 19 / 20);
}

TEST(MergeAgreement, WithGitOnALongHistory) {
  const ScratchRepository repo;
  const GeneratedHistory history(repo, {.seed = 50,
                                        .branches = 16,
                                        .trunk_commits = 50'000,
                                        .directories = 20,
                                        .files_a_directory = 10});
  ASSERT_EQ(repo.Git("rev-list --count main"), "50000");
  Compare(repo, CommitsOf(repo, history.branches()));
}

// Some commit of this project is where branches begin that bring what came later, or undo what came
// before.
TEST(MergeAgreement, WithGitOnThisProjectsHistory) {
  const char* source = getenv("COORDHUB_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const ScratchRepository repo;
  repo.InitWithCommit();
  if (!std::filesystem::exists(absl::StrCat(source, "/.git"))) {
    GTEST_SKIP() << "the sources are in no repository";
  }
  const std::string theirs =
      repo.Run("git -c safe.directory='*' rev-parse --git-common-dir", source);
  const std::string objects =
      (std::filesystem::path(source) / theirs).lexically_normal().string() + "/objects";
  repo.Write(".git/objects/info/alternates", objects + "\n");
  const std::string log =
      repo.Run("git -c safe.directory='*' rev-list --first-parent -n 60 HEAD", source);
  const std::vector<std::string> commits = absl::StrSplit(log, '\n', absl::SkipEmpty());
  if (commits.size() < 60) GTEST_SKIP() << "only " << commits.size() << " commits are here";
  const std::string base = repo.Git("commit-tree -m base " + commits[30] + "^{tree}");
  repo.Git("update-ref refs/heads/main " + base);
  std::vector<std::string> heads;
  for (size_t i = 0; i < commits.size(); i += 4) {
    if (i == 30) continue;
    heads.push_back(repo.Git("commit-tree -m side -p " + base + " " + commits[i] + "^{tree}"));
  }
  repo.Git("reset -q --hard");
  Compare(repo, heads);
}

}  // namespace
}  // namespace coordhub::git
