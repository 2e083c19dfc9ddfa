// The nodes of core::PersistentMap and the algorithms on them. Nobody else includes this.
//
// A B+tree: entries in leaves, all leaves at one depth. For an inner node, every key under
// children[i] < separators[i] <= every key under children[i + 1]; a separator stays when the key it
// was copied from goes. No node is ever empty. A node that becomes small is
// merged with a neighbour when both fit comfortably into one, so mass erasure leaves no husk.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coordhub::core::persistent_map_internal {

// Never 0, never twice the same in this process.
inline uint64_t NextToken() {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

template <class K, class V, class Less>
struct Tree {
  static constexpr size_t kLeafMax = 32;
  static constexpr size_t kInnerMax = 32;     // children
  static constexpr size_t kMergeBelow = 8;    // a smaller node looks for a neighbour
  static constexpr size_t kMergeAtMost = 24;  // and joins it if the sum leaves room to grow

  using Value = std::shared_ptr<const V>;

  struct Node {
    Node(bool leaf, uint64_t edit_token) : is_leaf(leaf), token(edit_token) {}
    const bool is_leaf;
    const uint64_t token;  // of the map object that may edit the node in place
  };
  using NodePtr = std::shared_ptr<Node>;

  struct Entry {
    K key;
    Value value;
  };
  struct Leaf : Node {
    explicit Leaf(uint64_t edit_token) : Node(true, edit_token) {}
    Leaf(uint64_t edit_token, const Leaf& other) : Node(true, edit_token) {
      entries.reserve(kLeafMax);
      entries.insert(entries.end(), other.entries.begin(), other.entries.end());
    }
    std::vector<Entry> entries;
  };
  struct Inner : Node {
    explicit Inner(uint64_t edit_token) : Node(false, edit_token) {}
    Inner(uint64_t edit_token, const Inner& other)
        : Node(false, edit_token), separators(other.separators), children(other.children) {}
    std::vector<K> separators;      // children.size() - 1
    std::vector<NodePtr> children;  // never null
  };

  // What an insertion that did not fit hands to the parent; right is null when it did fit.
  struct Split {
    K separator{};
    NodePtr right;
  };

  static Leaf* AsLeaf(Node* node) { return static_cast<Leaf*>(node); }
  static const Leaf* AsLeaf(const Node* node) { return static_cast<const Leaf*>(node); }
  static Inner* AsInner(Node* node) { return static_cast<Inner*>(node); }
  static const Inner* AsInner(const Node* node) { return static_cast<const Inner*>(node); }

  static NodePtr NewLeaf(uint64_t token) {
    auto leaf = std::make_shared<Leaf>(token);
    leaf->entries.reserve(kLeafMax);
    return leaf;
  }

  static NodePtr NewRoot(uint64_t token, NodePtr left, Split split) {
    auto root = std::make_shared<Inner>(token);
    root->separators.push_back(std::move(split.separator));
    root->children.push_back(std::move(left));
    root->children.push_back(std::move(split.right));
    return root;
  }

  // The child whose range holds `key`.
  template <class Q>
  static size_t ChildIndex(const Inner& inner, const Q& key, const Less& less) {
    const auto& s = inner.separators;
    return std::upper_bound(s.begin(), s.end(), key, less) - s.begin();
  }

  // The first entry not less than `key`; entries.size() if there is none.
  template <class Q>
  static size_t LowerIndex(const Leaf& leaf, const Q& key, const Less& less) {
    const auto& e = leaf.entries;
    return std::partition_point(e.begin(), e.end(),
                                [&](const Entry& entry) { return less(entry.key, key); }) -
           e.begin();
  }

  // The first entry greater than `key`; entries.size() if there is none.
  template <class Q>
  static size_t UpperIndex(const Leaf& leaf, const Q& key, const Less& less) {
    const auto& e = leaf.entries;
    return std::partition_point(e.begin(), e.end(),
                                [&](const Entry& entry) { return !less(key, entry.key); }) -
           e.begin();
  }

  // Makes the node in `slot` editable under `token` and returns it. `slot` itself must be editable.
  static Node* Edit(NodePtr& slot, uint64_t token) {
    if (slot->token == token) return slot.get();
    if (slot->is_leaf) {
      slot = std::make_shared<Leaf>(token, *AsLeaf(slot.get()));
    } else {
      slot = std::make_shared<Inner>(token, *AsInner(slot.get()));
    }
    return slot.get();
  }

  static Split Put(NodePtr& slot, uint64_t token, const Less& less, K key, Value value,
                   Value* previous) {
    Node* node = Edit(slot, token);
    if (node->is_leaf) {
      return PutInLeaf(AsLeaf(node), token, less, std::move(key), std::move(value), previous);
    }
    Inner* inner = AsInner(node);
    const size_t i = ChildIndex(*inner, key, less);
    Split below = Put(inner->children[i], token, less, std::move(key), std::move(value), previous);
    if (below.right == nullptr) return {};
    inner->separators.insert(inner->separators.begin() + i, std::move(below.separator));
    inner->children.insert(inner->children.begin() + i + 1, std::move(below.right));
    if (inner->children.size() <= kInnerMax) return {};
    return SplitInner(inner, token, /*appended=*/i + 2 == inner->children.size());
  }

  // Removes `key`, which is present below `slot`. May leave the root, and only it, empty or with a
  // single child.
  template <class Q>
  static Value Erase(NodePtr& slot, uint64_t token, const Less& less, const Q& key) {
    Node* node = Edit(slot, token);
    if (node->is_leaf) {
      auto& entries = AsLeaf(node)->entries;
      const auto it = entries.begin() + LowerIndex(*AsLeaf(node), key, less);
      Value previous = std::move(it->value);
      entries.erase(it);
      return previous;
    }
    Inner* inner = AsInner(node);
    const size_t i = ChildIndex(*inner, key, less);
    Value previous = Erase(inner->children[i], token, less, key);
    Tidy(inner, i, token);
    return previous;
  }

  // After an erasure: an empty root becomes null, a chain of single children is skipped.
  static void TrimRoot(NodePtr& root) {
    while (root != nullptr && Count(*root) <= (root->is_leaf ? 0 : 1)) {
      // Through a local: assigning to `root` frees the node that holds the child.
      NodePtr next = root->is_leaf ? nullptr : AsInner(root.get())->children[0];
      root = std::move(next);
    }
  }

  static std::string Check(const Node* root, size_t size, const Less& less) {
    if (root == nullptr) return size == 0 ? "" : "size without entries";
    if (!root->is_leaf && Count(*root) < 2) return "root with a single child";
    Checker checker(less);
    checker.Visit(*root, 0, nullptr, nullptr);
    if (checker.error.empty() && checker.entries != size) return "size differs from the entries";
    return checker.error;
  }

 private:
  static size_t Count(const Node& node) {
    return node.is_leaf ? AsLeaf(&node)->entries.size() : AsInner(&node)->children.size();
  }

  static Split PutInLeaf(Leaf* leaf, uint64_t token, const Less& less, K key, Value value,
                         Value* previous) {
    auto& entries = leaf->entries;
    const size_t i = LowerIndex(*leaf, key, less);
    if (i < entries.size() && !less(key, entries[i].key)) {
      *previous = std::exchange(entries[i].value, std::move(value));
      return {};
    }
    const bool appended = i == entries.size();
    if (entries.size() < kLeafMax) {
      entries.insert(entries.begin() + i, Entry{std::move(key), std::move(value)});
      return {};
    }
    // Keys mostly arrive in ascending order; keeping the left leaf full then halves the tree.
    const size_t keep = appended ? kLeafMax : kLeafMax / 2;
    auto right = std::make_shared<Leaf>(token);
    right->entries.reserve(kLeafMax);
    std::move(entries.begin() + keep, entries.end(), std::back_inserter(right->entries));
    entries.erase(entries.begin() + keep, entries.end());
    auto& target = i < keep ? entries : right->entries;
    target.insert(target.begin() + (i < keep ? i : i - keep),
                  Entry{std::move(key), std::move(value)});
    return {right->entries.front().key, std::move(right)};
  }

  // Moves the upper part of `inner` (one child too many) into a new right neighbour.
  static Split SplitInner(Inner* inner, uint64_t token, bool appended) {
    const size_t keep = appended ? kInnerMax - 1 : inner->children.size() / 2;
    auto right = std::make_shared<Inner>(token);
    right->children.reserve(kInnerMax + 1);
    right->separators.reserve(kInnerMax);
    std::move(inner->children.begin() + keep, inner->children.end(),
              std::back_inserter(right->children));
    std::move(inner->separators.begin() + keep, inner->separators.end(),
              std::back_inserter(right->separators));
    Split split{std::move(inner->separators[keep - 1]), std::move(right)};
    inner->children.erase(inner->children.begin() + keep, inner->children.end());
    inner->separators.erase(inner->separators.begin() + keep - 1, inner->separators.end());
    return split;
  }

  // Drops children[i] if it became empty; joins it with a neighbour if both are small.
  static void Tidy(Inner* inner, size_t i, uint64_t token) {
    const size_t count = Count(*inner->children[i]);
    if (count == 0) {
      DropChild(inner, i);
      return;
    }
    if (count >= kMergeBelow) return;
    for (const size_t left : {i, i - 1}) {  // i - 1 wraps for 0 and then fails the test
      if (left >= inner->children.size() - 1) continue;
      const size_t sum = Count(*inner->children[left]) + Count(*inner->children[left + 1]);
      if (sum > kMergeAtMost) continue;
      Merge(inner, left, token);
      return;
    }
  }

  static void DropChild(Inner* inner, size_t i) {
    inner->children.erase(inner->children.begin() + i);
    if (inner->separators.empty()) return;
    // The neighbour's range grows over the gap, whichever separator goes.
    inner->separators.erase(inner->separators.begin() + (i == 0 ? 0 : i - 1));
  }

  // Appends children[left + 1] to children[left].
  static void Merge(Inner* inner, size_t left, uint64_t token) {
    Node* into = Edit(inner->children[left], token);
    const Node* from = inner->children[left + 1].get();
    if (into->is_leaf) {
      const auto& entries = AsLeaf(from)->entries;
      AsLeaf(into)->entries.insert(AsLeaf(into)->entries.end(), entries.begin(), entries.end());
    } else {
      Inner* to = AsInner(into);
      const Inner* rest = AsInner(from);
      to->separators.push_back(inner->separators[left]);
      to->separators.insert(to->separators.end(), rest->separators.begin(), rest->separators.end());
      to->children.insert(to->children.end(), rest->children.begin(), rest->children.end());
    }
    inner->separators.erase(inner->separators.begin() + left);
    inner->children.erase(inner->children.begin() + left + 1);
  }

  // Visits a whole tree and keeps the first thing that is wrong.
  struct Checker {
    explicit Checker(const Less& less_than) : less(less_than) {}

    const Less& less;
    size_t entries = 0;
    size_t leaf_depth = 0;  // 0: no leaf seen yet; depths are counted from 1
    std::string error;

    void Fail(const char* what) {
      if (error.empty()) error = what;
    }

    // Keys below `node` must lie in [*low, *high); null means unbounded.
    void Visit(const Node& node, size_t depth, const K* low, const K* high) {
      ++depth;
      if (node.is_leaf) {
        if (leaf_depth == 0) leaf_depth = depth;
        if (leaf_depth != depth) Fail("leaves at different depths");
        VisitLeaf(*AsLeaf(&node), low, high);
        return;
      }
      const Inner& inner = *AsInner(&node);
      if (inner.children.empty()) return Fail("empty inner node");
      if (inner.children.size() > kInnerMax) return Fail("inner node too large");
      if (inner.separators.size() + 1 != inner.children.size()) return Fail("separator count");
      for (size_t i = 0; i < inner.children.size(); ++i) {
        const K* from = i == 0 ? low : &inner.separators[i - 1];
        const K* to = i == inner.separators.size() ? high : &inner.separators[i];
        Visit(*inner.children[i], depth, from, to);
      }
    }

    void VisitLeaf(const Leaf& leaf, const K* low, const K* high) {
      if (leaf.entries.empty()) Fail("empty leaf");
      if (leaf.entries.size() > kLeafMax) Fail("leaf too large");
      const K* last = nullptr;
      for (const Entry& entry : leaf.entries) {
        ++entries;
        if (entry.value == nullptr) Fail("null value");
        if (last != nullptr && !less(*last, entry.key)) Fail("keys out of order");
        if (low != nullptr && less(entry.key, *low)) Fail("key below its range");
        if (high != nullptr && !less(entry.key, *high)) Fail("key above its range");
        last = &entry.key;
      }
    }
  };
};

}  // namespace coordhub::core::persistent_map_internal
