#include "hub/git/footprint.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "absl/hash/hash.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "hub/git/tree_walk.h"

namespace coordhub::git {
namespace {

uint64_t HashOf(std::string_view path) {
  return absl::Hash<absl::string_view>()(base::ToAbsl(path));
}

std::string_view DirectoryOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// The directories on the way to paths that come in order, most of them after one beside them.
class DirectoryList {
 public:
  void Add(const std::string& path) {
    const std::string_view directory = DirectoryOf(path);
    if (directory == last_) return;
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      hashes_.push_back(HashOf(std::string_view(path).substr(0, slash)));
    }
    last_ = directory;
  }
  std::vector<uint64_t> Finish() {
    std::sort(hashes_.begin(), hashes_.end());
    hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
    return std::move(hashes_);
  }

 private:
  std::string last_;
  std::vector<uint64_t> hashes_;
};

uint64_t KeyOf(uint64_t hash) { return hash; }
uint64_t KeyOf(const Footprint::Path& path) { return path.path; }

// Calls `visit` for each pair of elements of one key until it returns true; whether it did.
template <class A, class B, class Visit>
bool AnyCommon(const A& a, const B& b, Visit&& visit) {
  auto i = a.begin();
  auto j = b.begin();
  while (i != a.end() && j != b.end()) {
    if (KeyOf(*i) == KeyOf(*j)) {
      if (visit(*i, *j)) return true;
      ++i;
      ++j;
    } else if (KeyOf(*i) < KeyOf(*j)) {
      ++i;
    } else {
      ++j;
    }
  }
  return false;
}

template <class A, class B>
bool HaveCommon(const A& a, const B& b) {
  return AnyCommon(a, b, [](const auto&, const auto&) { return true; });
}

// Both changed a path. To the same is no conflict, unless the path may be an end of a rename: two
// sides can rename one file to two names, or two files to one.
bool Disturbs(const Footprint::Path& a, const Footprint::Path& b, bool may_rename) {
  if (base::MutantActive("radar_skips_shared_paths")) return false;
  if (a.mode != b.mode || git_oid_equal(&a.id, &b.id) == 0) return true;
  const bool stays = a.mode != 0 && a.was_there && b.was_there;
  return may_rename && !stays;
}

// `a` may have renamed a directory to which `b` adds: git asks whether the addition should follow.
bool MayTakeAlong(const Footprint& a, const Footprint& b) {
  if (base::MutantActive("radar_knows_no_renamed_directories")) return false;
  return a.MayRename() && HaveCommon(a.gone_directories, b.directories_of_added);
}

}  // namespace

absl::StatusOr<Footprint> FootprintOf(git_repository* repository, const git_oid& base,
                                      const git_oid& head) {
  Footprint footprint;
  DirectoryList directories;
  DirectoryList directories_of_added;
  TreeVisitor visitor;
  visitor.on_path = [&](const std::string& path, const git_tree_entry* before,
                        const git_tree_entry* after) {
    Footprint::Path& changed = footprint.paths.emplace_back();
    changed.path = HashOf(path);
    changed.was_there = before != nullptr;
    directories.Add(path);
    if (before == nullptr) {
      footprint.adds = true;
      directories_of_added.Add(path);
    }
    if (after == nullptr) {
      footprint.deletes = true;
    } else {
      git_oid_cpy(&changed.id, git_tree_entry_id(after));
      changed.mode = git_tree_entry_filemode(after);
    }
  };
  visitor.on_gone_directory = [&](const std::string& path) {
    footprint.gone_directories.push_back(HashOf(path));
  };
  COORDHUB_RETURN_IF_ERROR(WalkDifferences(repository, &base, head, visitor));
  footprint.directories = directories.Finish();
  footprint.directories_of_added = directories_of_added.Finish();
  std::sort(footprint.gone_directories.begin(), footprint.gone_directories.end());
  const auto by_path = [](const Footprint::Path& a, const Footprint::Path& b) {
    return a.path < b.path;
  };
  std::sort(footprint.paths.begin(), footprint.paths.end(), by_path);
  footprint.ambiguous = std::adjacent_find(footprint.paths.begin(), footprint.paths.end(),
                                           [](const Footprint::Path& a, const Footprint::Path& b) {
                                             return a.path == b.path;
                                           }) != footprint.paths.end();
  return footprint;
}

bool MergesForCertain(const Footprint& a, const Footprint& b) {
  if (a.ambiguous || b.ambiguous) return false;
  const bool may_rename = a.MayRename() || b.MayRename();
  const auto disturbs = [&](const Footprint::Path& left, const Footprint::Path& right) {
    return Disturbs(left, right, may_rename);
  };
  if (AnyCommon(a.paths, b.paths, disturbs)) return false;
  if (HaveCommon(a.paths, b.directories) || HaveCommon(a.directories, b.paths)) return false;
  return !MayTakeAlong(a, b) && !MayTakeAlong(b, a);
}

}  // namespace coordhub::git
