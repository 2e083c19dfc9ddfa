#include "hub/git/tree_walk.h"

#include <cstddef>

#include "absl/status/statusor.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"

namespace coordhub::git {
namespace {

using CommitHandle = Handle<git_commit, git_commit_free>;
using TreeHandle = Handle<git_tree, git_tree_free>;

// Deeper than any path that a file system takes; keeps the recursion in the stack.
constexpr int kMaxDepth = 1024;

class TreeWalk {
 public:
  TreeWalk(git_repository* repository, const TreeVisitor& visitor)
      : repository_(repository), visitor_(visitor) {}

  // The entries of both in git's order, which is the byte order of whole paths: a directory's name
  // counts with its slash.
  absl::Status Compare(const git_tree* a, const git_tree* b, int depth) {
    if (depth > kMaxDepth) {
      return base::MakeError(v1::ERROR_REASON_IO_FAILED, "directories are nested too deeply");
    }
    const size_t a_count = a == nullptr ? 0 : git_tree_entrycount(a);
    const size_t b_count = b == nullptr ? 0 : git_tree_entrycount(b);
    size_t i = 0;
    size_t j = 0;
    while (i < a_count || j < b_count) {
      const git_tree_entry* left = i < a_count ? git_tree_entry_byindex(a, i) : nullptr;
      const git_tree_entry* right = j < b_count ? git_tree_entry_byindex(b, j) : nullptr;
      const int order = left == nullptr    ? 1
                        : right == nullptr ? -1
                                           : git_tree_entry_cmp(left, right);
      if (order <= 0) ++i;
      if (order >= 0) ++j;
      COORDHUB_RETURN_IF_ERROR(
          Visit(order <= 0 ? left : nullptr, order >= 0 ? right : nullptr, depth));
    }
    return absl::OkStatus();
  }

 private:
  static bool IsTree(const git_tree_entry* entry) {
    return entry != nullptr && git_tree_entry_type(entry) == GIT_OBJECT_TREE;
  }
  static bool IsSame(const git_tree_entry* a, const git_tree_entry* b) {
    return a != nullptr && b != nullptr &&
           git_tree_entry_filemode(a) == git_tree_entry_filemode(b) &&
           git_oid_equal(git_tree_entry_id(a), git_tree_entry_id(b)) != 0;
  }

  // Two entries of one place in the order, or one where the other side has none. Both are trees or
  // neither is: a file and a directory of one name have different places.
  absl::Status Visit(const git_tree_entry* a, const git_tree_entry* b, int depth) {
    if (IsSame(a, b)) return absl::OkStatus();
    const size_t length = path_.size();
    path_.append(git_tree_entry_name(a != nullptr ? a : b));
    absl::Status status;
    if (IsTree(a) || IsTree(b)) {
      if (b == nullptr && visitor_.on_gone_directory) visitor_.on_gone_directory(path_);
      path_.push_back('/');
      status = CompareTrees(a, b, depth);
    } else {
      visitor_.on_path(path_, a, b);
    }
    path_.resize(length);
    return status;
  }

  absl::Status CompareTrees(const git_tree_entry* a, const git_tree_entry* b, int depth) {
    COORDHUB_ASSIGN_OR_RETURN(const TreeHandle left, Load(a));
    COORDHUB_ASSIGN_OR_RETURN(const TreeHandle right, Load(b));
    return Compare(left.get(), right.get(), depth + 1);
  }

  absl::StatusOr<TreeHandle> Load(const git_tree_entry* entry) {
    if (entry == nullptr) return TreeHandle();
    git_tree* raw = nullptr;
    if (git_tree_lookup(&raw, repository_, git_tree_entry_id(entry)) != 0)
      return LibraryError("reading a tree", path_);
    return TreeHandle(raw);
  }

  git_repository* const repository_;
  const TreeVisitor& visitor_;
  std::string path_;
};

absl::StatusOr<TreeHandle> TreeOf(git_repository* repository, const git_oid& commit_id) {
  git_commit* raw_commit = nullptr;
  if (git_commit_lookup(&raw_commit, repository, &commit_id) != 0)
    return LibraryError("reading a commit", git_repository_path(repository));
  const CommitHandle commit(raw_commit);
  git_tree* raw_tree = nullptr;
  if (git_commit_tree(&raw_tree, commit.get()) != 0)
    return LibraryError("reading a tree", git_repository_path(repository));
  return TreeHandle(raw_tree);
}

}  // namespace

absl::Status WalkDifferences(git_repository* repository, const git_oid* base, const git_oid& head,
                             const TreeVisitor& visitor) {
  TreeHandle base_tree;
  if (base != nullptr) {
    COORDHUB_ASSIGN_OR_RETURN(base_tree, TreeOf(repository, *base));
  }
  COORDHUB_ASSIGN_OR_RETURN(const TreeHandle head_tree, TreeOf(repository, head));
  const bool same = base_tree != nullptr &&
                    git_oid_equal(git_tree_id(base_tree.get()), git_tree_id(head_tree.get())) != 0;
  if (same) return absl::OkStatus();
  return TreeWalk(repository, visitor).Compare(base_tree.get(), head_tree.get(), 0);
}

}  // namespace coordhub::git
