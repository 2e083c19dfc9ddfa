#include "tests/git/generated_history.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace coordhub::git {
namespace {

constexpr char kText[] = "100644";
constexpr char kExecutable[] = "100755";
constexpr char kLink[] = "120000";
constexpr char kSubmodule[] = "160000";

bool IsText(const std::string& mode) { return mode == kText || mode == kExecutable; }

}  // namespace

GeneratedHistory::GeneratedHistory(const ScratchRepository& repo,
                                   const GeneratedHistoryOptions& options)
    : options_(options), random_(options.seed) {
  Plant();
  GrowTrunk();
  GrowBranches();
  repo.Init();
  repo.Write("../import", stream_);
  repo.Run("git fast-import --quiet < ../import && rm ../import && git reset -q --hard main");
}

std::string GeneratedHistory::Lines(const std::string& name) {
  std::string text;
  for (int i = 0; i < 30; ++i) absl::StrAppend(&text, name, " says ", i, "\n");
  return text;
}

void GeneratedHistory::Plant() {
  Tree tree;
  for (int d = 0; d < options_.directories; ++d) {
    for (int f = 0; f < options_.files_a_directory; ++f) {
      const std::string path = absl::StrCat("d", d, "/f", f);
      tree[path] = {f == 1 ? kExecutable : kText, Lines(path)};
    }
  }
  tree["a file with spaces"] = {kText, Lines("spaces")};
  tree["ends.crlf"] = {kText, absl::StrReplaceAll(Lines("ends"), {{"\n", "\r\n"}})};
  tree["picture.bin"] = {kText, absl::StrCat("\x89P", std::string(3, '\0'), Lines("picture"))};
  tree["link"] = {kLink, "d0/f0"};
  tree["module"] = {kSubmodule, std::string(40, '1')};
  tree["notes.union"] = {kText, Lines("notes")};
  tree[".gitattributes"] = {kText, "*.bin binary\n*.union merge=union\n*.crlf text eol=crlf\n"};
  trunk_.push_back(Commit("main", tree, 0));
}

void GeneratedHistory::GrowTrunk() {
  for (int i = 1; i < options_.trunk_commits; ++i) {
    Tree tree = trees_.at(trunk_.back());
    ChangeText(&tree);
    trunk_.push_back(Commit("main", tree, trunk_.back()));
    // Not remembered longer than branches may begin there.
    if (trunk_.size() > 20) trees_.erase(trunk_[trunk_.size() - 20]);
  }
}

void GeneratedHistory::GrowBranches() {
  const size_t recent = std::min<size_t>(trunk_.size(), 10);
  for (int i = 0; i < options_.branches; ++i) {
    branches_.push_back(absl::StrCat("b-", i));
    int head = trunk_[trunk_.size() - 1 - Roll(recent)];
    for (size_t commits = 1 + Roll(3); commits > 0; --commits) {
      Tree tree = trees_.at(head);
      for (size_t changes = 1 + Roll(3); changes > 0; --changes) Change(&tree);
      head = Commit(branches_.back(), tree, head);
    }
    heads_.push_back(head);
  }
  for (int i = 0; i < options_.branches / 5; ++i) {
    CrissCross(Roll(heads_.size()), Roll(heads_.size()));
  }
}

// Each merges where the other was: two best merge bases.
void GeneratedHistory::CrissCross(size_t a, size_t b) {
  if (a == b) return;
  const int old_a = heads_[a];
  const int old_b = heads_[b];
  Tree merged = trees_.at(old_a);
  for (const auto& [path, file] : trees_.at(old_b)) {
    if (!merged.contains(path) && Roll(2) == 0) Add(&merged, path, file);
  }
  heads_[a] = Commit(branches_[a], merged, old_a, old_b);
  Change(&merged);
  heads_[b] = Commit(branches_[b], merged, old_b, old_a);
}

int GeneratedHistory::Commit(const std::string& branch, const Tree& tree, int parent, int merged) {
  static const Tree& nothing = *new Tree();
  const int mark = ++marks_;
  absl::StrAppend(&stream_, "commit refs/heads/", branch, "\nmark :", mark,
                  "\ncommitter t <t@example.invalid> ", 1'700'000'000 + mark, " +0000\ndata 0\n");
  if (parent != 0) absl::StrAppend(&stream_, "from :", parent, "\n");
  if (merged != 0) absl::StrAppend(&stream_, "merge :", merged, "\n");
  const Tree& before = parent == 0 ? nothing : trees_.at(parent);
  for (const auto& [path, file] : before) {
    if (!tree.contains(path)) absl::StrAppend(&stream_, "D ", path, "\n");
  }
  for (const auto& [path, file] : tree) {
    const auto old = before.find(path);
    if (old != before.end() && old->second == file) continue;
    if (file.mode == kSubmodule) {
      absl::StrAppend(&stream_, "M ", file.mode, " ", file.data, " ", path, "\n");
    } else {
      absl::StrAppend(&stream_, "M ", file.mode, " inline ", path, "\ndata ", file.data.size(),
                      "\n", file.data, "\n");
    }
  }
  trees_[mark] = tree;
  return mark;
}

void GeneratedHistory::Change(Tree* tree) {
  switch (Roll(8)) {
    case 0:
      return Move(tree);
    case 1:
      return ChangeKind(tree);
    case 2:
      return Add(tree, NewPath(), {kText, Lines(absl::StrCat("new ", Roll(3)))});
    case 3:
      if (tree->size() > 20) tree->erase(AnyPath(*tree));
      return;
    case 4:
      if (Roll(3) == 0) return MoveDirectory(tree);
      [[fallthrough]];
    default:
      return ChangeText(tree);
  }
}

void GeneratedHistory::ChangeText(Tree* tree) {
  File& file = tree->at(AnyPath(*tree));
  if (file.mode == kLink) {
    file.data = absl::StrCat("d0/f", Roll(5));
  } else if (file.mode == kSubmodule) {
    file.data = std::string(40, static_cast<char>('1' + Roll(5)));
  } else if (Roll(12) == 0) {
    file.data = absl::StrReplaceAll(file.data, {{"\n", "\r\n"}});
  } else {
    std::vector<std::string> lines = absl::StrSplit(file.data, '\n');
    // Few places, so that some changes meet.
    lines[Roll(3) * (lines.size() - 1) / 3] = absl::StrCat("changed ", Roll(4));
    file.data = absl::StrJoin(lines, "\n");
  }
}

void GeneratedHistory::ChangeKind(Tree* tree) {
  const std::string path = AnyPath(*tree);
  File& file = tree->at(path);
  switch (Roll(5)) {
    case 0:
      if (IsText(file.mode)) file.mode = file.mode == kText ? kExecutable : kText;
      return;
    case 1:
      file = {kLink, absl::StrCat("d1/f", Roll(3))};
      return;
    case 2:
      file = {kSubmodule, std::string(40, static_cast<char>('1' + Roll(5)))};
      return;
    case 3:
      file = {kText, absl::StrCat(std::string(2, '\0'), "binary ", Roll(3), "\n")};
      return;
    default: {
      const File old = file;
      tree->erase(path);
      tree->insert_or_assign(absl::StrCat(path, "/inside"), old);
    }
  }
}

void GeneratedHistory::Move(Tree* tree) {
  const std::string from = AnyPath(*tree);
  const File file = tree->at(from);
  tree->erase(from);
  Add(tree, NewPath(), file);
}

void GeneratedHistory::MoveDirectory(Tree* tree) {
  const std::string from = absl::StrCat("d", Roll(static_cast<size_t>(options_.directories)), "/");
  const std::string to = absl::StrCat("moved", Roll(2), "/");
  Tree moved;
  for (auto it = tree->lower_bound(from); it != tree->end() && it->first.rfind(from, 0) == 0;) {
    moved[to + it->first.substr(from.size())] = it->second;
    it = tree->erase(it);
  }
  for (auto& [path, file] : moved) Add(tree, path, file);
}

// Makes room: no path is a file and a directory at once.
void GeneratedHistory::Add(Tree* tree, const std::string& path, File file) {
  for (size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    tree->erase(path.substr(0, slash));
  }
  const std::string below = path + "/";
  for (auto it = tree->lower_bound(below); it != tree->end() && it->first.rfind(below, 0) == 0;) {
    it = tree->erase(it);
  }
  tree->insert_or_assign(path, std::move(file));
}

std::string GeneratedHistory::AnyPath(const Tree& tree) {
  auto file = tree.begin();
  do {
    file = std::next(tree.begin(), static_cast<int64_t>(Roll(tree.size())));
  } while (file->first == ".gitattributes");
  return file->first;
}

std::string GeneratedHistory::NewPath() {
  const size_t directory = Roll(static_cast<size_t>(options_.directories));
  return absl::StrCat("d", directory, "/new", Roll(4));
}

}  // namespace coordhub::git
