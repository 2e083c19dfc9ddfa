// A repository with branches that somebody could have made: from a seed, the same each time.

#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/git/scratch_repository.h"

namespace coordhub::git {

struct GeneratedHistoryOptions {
  uint64_t seed = 1;
  int branches = 20;
  // On the trunk, before the branches.
  int trunk_commits = 20;
  int directories = 6;
  int files_a_directory = 8;
};

// Branches b-0, b-1, ... of `main`, with changes of every kind: text, renames of files and
// directories, deletions, modes, binary files, line ends, submodules, symbolic links, files that
// become directories; some of them merge each other, also criss-cross.
class GeneratedHistory {
 public:
  // Imports it into `repo`, which is made, and checks `main` out.
  GeneratedHistory(const ScratchRepository& repo, const GeneratedHistoryOptions& options);

  const std::vector<std::string>& branches() const { return branches_; }

 private:
  struct File {
    std::string mode;
    std::string data;  // of a submodule, its commit

    friend bool operator==(const File&, const File&) = default;
  };
  using Tree = std::map<std::string, File>;

  void Plant();
  void GrowTrunk();
  void GrowBranches();
  void CrissCross(size_t a, size_t b);
  // Commits what `tree` has, and returns the commit's mark.
  int Commit(const std::string& branch, const Tree& tree, int parent, int merged = 0);
  void Change(Tree* tree);
  void ChangeText(Tree* tree);
  void ChangeKind(Tree* tree);
  void Move(Tree* tree);
  void MoveDirectory(Tree* tree);
  void Add(Tree* tree, const std::string& path, File file);
  std::string AnyPath(const Tree& tree);
  std::string NewPath();
  std::string Lines(const std::string& name);
  size_t Roll(size_t below) { return random_() % below; }

  const GeneratedHistoryOptions options_;
  // Its numbers are the same everywhere; those of the library's distributions are not.
  std::mt19937_64 random_;
  std::string stream_;
  std::map<int, Tree> trees_;  // by mark
  std::vector<int> trunk_;
  std::vector<int> heads_;
  std::vector<std::string> branches_;
  int marks_ = 0;
};

}  // namespace coordhub::git
