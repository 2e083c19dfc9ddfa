// An ordered map with O(1) snapshots: a path-copying B+tree.
//
// The hub's records live in these. One thread, the writer, edits a map; `Snapshot()` (or a plain
// copy) gives an immutable picture of it that any other thread may read, for as long as it likes,
// while the writer goes on. What did not change between two snapshots is shared by both.
//
// How it works: every node carries the *edit token* of the map object that made it. A map edits a
// node in place when the node carries its present token, and clones it otherwise. Taking a copy
// makes the source give up its token, so everything the copy can reach is frozen from then on. A
// batch of edits between two snapshots therefore clones each touched node once. Tokens are never
// reused and reference counts are never consulted.
//
// Threads: a map object is confined to one thread, like a std::map, and *copying counts as a
// write* for a map that has been edited since its last copy. A map that was obtained by copying and
// is not edited itself may be read and copied from any number of threads. Publishing it to another
// thread (through a mutex, say) is the caller's business. Nodes and values are freed by whichever
// thread drops the last map that reaches them.
//
// Cost: Put, Erase, Find, LowerBound O(log n); a step of a cursor O(1) amortised; copy O(1).
// Duplicating a shared leaf costs one reference count for each of its (at most kLeafMax) values.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/core/persistent_map_nodes.h"

namespace coordhub::core {

// `K` is copied into inner nodes as a separator: an integer, a string, or a small pair or tuple.
// With the default `Less`, lookups take whatever compares with `K` (a std::string_view for a
// std::string). Values are never null.
template <class K, class V, class Less = std::less<>>
class PersistentMap {
  using Tree = persistent_map_internal::Tree<K, V, Less>;
  using Node = typename Tree::Node;
  using Leaf = typename Tree::Leaf;
  using Inner = typename Tree::Inner;
  using NodePtr = typename Tree::NodePtr;

 public:
  using Value = std::shared_ptr<const V>;

  // Walks the entries in key order. Valid until the map that gave it is edited, assigned or
  // destroyed; so in practice: over a snapshot that the caller holds.
  class Cursor {
   public:
    // False once past the last entry, or before the first; then only destruction and assignment are
    // allowed.
    bool Valid() const { return leaf_ != nullptr; }
    const K& key() const { return leaf_->entries[index_].key; }
    const V& operator*() const { return *leaf_->entries[index_].value; }
    const V* operator->() const { return leaf_->entries[index_].value.get(); }
    const Value& value() const { return leaf_->entries[index_].value; }

    void Next() {
      if (++index_ < leaf_->entries.size()) return;
      while (!path_.empty() && ++path_.back().index == path_.back().node->children.size()) {
        path_.pop_back();
      }
      if (path_.empty()) {
        leaf_ = nullptr;
        return;
      }
      DescendLeftmost(path_.back().node->children[path_.back().index].get());
    }

    // To the entry before.
    void Prev() {
      if (index_-- > 0) return;
      while (!path_.empty() && path_.back().index == 0) path_.pop_back();
      if (path_.empty()) {
        leaf_ = nullptr;
        return;
      }
      DescendRightmost(path_.back().node->children[--path_.back().index].get());
    }

   private:
    friend class PersistentMap;
    struct Step {
      const Inner* node;
      size_t index;
    };

    void DescendLeftmost(const Node* node) {
      while (!node->is_leaf) {
        const Inner* inner = Tree::AsInner(node);
        path_.push_back({inner, 0});
        node = inner->children[0].get();
      }
      leaf_ = Tree::AsLeaf(node);
      index_ = 0;
    }

    void DescendRightmost(const Node* node) {
      while (!node->is_leaf) {
        const Inner* inner = Tree::AsInner(node);
        path_.push_back({inner, inner->children.size() - 1});
        node = inner->children.back().get();
      }
      leaf_ = Tree::AsLeaf(node);
      index_ = leaf_->entries.size() - 1;
    }

    const Leaf* leaf_ = nullptr;
    size_t index_ = 0;
    std::vector<Step> path_;  // from the root down to the parent of leaf_
  };

  PersistentMap() = default;
  PersistentMap(const PersistentMap& other)
      : root_(other.root_), size_(other.size_), less_(other.less_) {
    other.Freeze();
  }
  PersistentMap(PersistentMap&& other) noexcept { Swap(other); }
  // From a copy or from a moved map, by value.
  PersistentMap& operator=(PersistentMap other) noexcept {
    Swap(other);
    return *this;
  }
  ~PersistentMap() = default;

  // An immutable picture of the map as it is now. The same as copying; the name says why.
  PersistentMap Snapshot() const { return *this; }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // The value under `key`, or null. The pointer lives as a cursor does; copy the shared_ptr to keep
  // the value longer.
  template <class Q = K>
  const Value* Find(const Q& key) const {
    if (root_ == nullptr) return nullptr;
    const Node* node = root_.get();
    while (!node->is_leaf) {
      const Inner* inner = Tree::AsInner(node);
      node = inner->children[Tree::ChildIndex(*inner, key, less_)].get();
    }
    const Leaf* leaf = Tree::AsLeaf(node);
    const size_t i = Tree::LowerIndex(*leaf, key, less_);
    if (i == leaf->entries.size() || less_(key, leaf->entries[i].key)) return nullptr;
    return &leaf->entries[i].value;
  }

  template <class Q = K>
  bool Contains(const Q& key) const {
    return Find(key) != nullptr;
  }

  // Sets `key` to `value`, which must not be null. Returns the value it replaced, or null.
  Value Put(K key, Value value) {
    OwnToken();
    if (root_ == nullptr) root_ = Tree::NewLeaf(token_);
    Value previous;
    auto split = Tree::Put(root_, token_, less_, std::move(key), std::move(value), &previous);
    if (split.right != nullptr) root_ = Tree::NewRoot(token_, std::move(root_), std::move(split));
    if (previous == nullptr) ++size_;
    return previous;
  }

  // Removes `key`. Returns the value it had; null, and nothing changes, when it was absent.
  template <class Q = K>
  Value Erase(const Q& key) {
    if (Find(key) == nullptr) return nullptr;
    OwnToken();
    Value previous = Tree::Erase(root_, token_, less_, key);
    --size_;
    Tree::TrimRoot(root_);
    return previous;
  }

  void Clear() {
    root_ = nullptr;
    size_ = 0;
  }

  // At the first entry; not Valid() when the map is empty.
  Cursor Begin() const {
    Cursor cursor;
    if (root_ != nullptr) cursor.DescendLeftmost(root_.get());
    return cursor;
  }

  // At the last entry; not Valid() when the map is empty.
  Cursor Last() const {
    Cursor cursor;
    if (root_ != nullptr) cursor.DescendRightmost(root_.get());
    return cursor;
  }

  // At the last entry whose key is less than `key`: where a walk by Prev() begins.
  template <class Q = K>
  Cursor Before(const Q& key) const {
    Cursor cursor = LowerBound(key);
    if (!cursor.Valid()) return Last();
    cursor.Prev();
    return cursor;
  }

  // At the first entry whose key is not less than `key`.
  template <class Q = K>
  Cursor LowerBound(const Q& key) const {
    return Seek(key, [&](const Leaf& leaf) { return Tree::LowerIndex(leaf, key, less_); });
  }

  // At the first entry whose key is greater than `key`.
  template <class Q = K>
  Cursor UpperBound(const Q& key) const {
    return Seek(key, [&](const Leaf& leaf) { return Tree::UpperIndex(leaf, key, less_); });
  }

  // Calls `fn(key, value)` (const K&, const Value&) in key order until it returns false. Returns
  // false if it was stopped.
  template <class Fn>
  bool ForEach(Fn&& fn) const {
    for (Cursor c = Begin(); c.Valid(); c.Next()) {
      if (!fn(c.key(), c.value())) return false;
    }
    return true;
  }

  // What is structurally wrong with the tree; empty if nothing is. O(n), for tests and for the
  // hub's self-check.
  std::string Check() const { return Tree::Check(root_.get(), size_, less_); }

 private:
  void Swap(PersistentMap& other) noexcept {
    std::swap(root_, other.root_);
    std::swap(size_, other.size_);
    std::swap(less_, other.less_);
    std::swap(token_, other.token_);
  }

  // Gives up the right to edit the present nodes in place. The test keeps copying a frozen map
  // free of writes, so that snapshots may be copied concurrently.
  void Freeze() const {
    if (token_ != 0) token_ = 0;
  }

  void OwnToken() {
    if (token_ == 0) token_ = persistent_map_internal::NextToken();
  }

  template <class Q, class IndexIn>
  Cursor Seek(const Q& key, IndexIn index_in) const {
    Cursor cursor;
    if (root_ == nullptr) return cursor;
    const Node* node = root_.get();
    while (!node->is_leaf) {
      const Inner* inner = Tree::AsInner(node);
      const size_t child = Tree::ChildIndex(*inner, key, less_);
      cursor.path_.push_back({inner, child});
      node = inner->children[child].get();
    }
    cursor.leaf_ = Tree::AsLeaf(node);
    cursor.index_ = index_in(*cursor.leaf_);
    if (cursor.index_ == cursor.leaf_->entries.size()) {
      --cursor.index_;  // leaves are never empty: step over the last entry to the next leaf
      cursor.Next();
    }
    return cursor;
  }

  NodePtr root_;  // null when empty; never an inner node with one child
  size_t size_ = 0;
  Less less_;
  mutable uint64_t token_ = 0;  // nodes that carry it are this object's alone; 0: none are
};

}  // namespace coordhub::core
