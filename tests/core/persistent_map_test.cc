#include "hub/core/persistent_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace coordhub::core {
namespace {

// A value that counts its living instances.
struct Counted {
  explicit Counted(int64_t n) : number(n) { ++alive; }
  Counted(const Counted& other) : number(other.number) { ++alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --alive; }
  int64_t number;
  static inline std::atomic<int64_t> alive{0};
};

// Builds a key of each supported kind from a number, keeping the numbers' order out of it on
// purpose (strings sort by digits, tuples by remainder).
template <class K>
K MakeKey(int64_t n);
template <>
int64_t MakeKey<int64_t>(int64_t n) {
  return n;
}
template <>
std::string MakeKey<std::string>(int64_t n) {
  return "agent-" + std::to_string(n);
}
template <>
std::tuple<int32_t, int64_t, std::string> MakeKey(int64_t n) {
  return {static_cast<int32_t>(n % 5), -n, std::to_string(n)};
}

template <class K>
using Map = PersistentMap<K, Counted>;
template <class K>
using Model = std::map<K, int64_t>;

template <class K>
void ExpectEqual(const Map<K>& map, const Model<K>& model) {
  ASSERT_EQ(map.Check(), "");
  ASSERT_EQ(map.size(), model.size());
  auto cursor = map.Begin();
  for (const auto& [key, number] : model) {
    ASSERT_TRUE(cursor.Valid());
    ASSERT_EQ(cursor.key(), key);
    ASSERT_EQ(cursor->number, number);
    cursor.Next();
  }
  ASSERT_FALSE(cursor.Valid());
  auto back = map.Last();
  for (auto at = model.rbegin(); at != model.rend(); ++at) {
    ASSERT_TRUE(back.Valid());
    ASSERT_EQ(back.key(), at->first);
    ASSERT_EQ(back->number, at->second);
    back.Prev();
  }
  ASSERT_FALSE(back.Valid());
}

template <class K>
void ExpectSameAt(const Map<K>& map, const Model<K>& model, const K& key) {
  const auto* found = map.Find(key);
  const auto it = model.find(key);
  ASSERT_EQ(found != nullptr, it != model.end());
  if (found != nullptr) {
    ASSERT_EQ((*found)->number, it->second);
  }

  const auto lower = map.LowerBound(key);
  const auto model_lower = model.lower_bound(key);
  ASSERT_EQ(lower.Valid(), model_lower != model.end());
  if (lower.Valid()) {
    ASSERT_EQ(lower.key(), model_lower->first);
  }

  const auto upper = map.UpperBound(key);
  const auto model_upper = model.upper_bound(key);
  ASSERT_EQ(upper.Valid(), model_upper != model.end());
  if (upper.Valid()) {
    ASSERT_EQ(upper.key(), model_upper->first);
  }

  const auto before = map.Before(key);
  ASSERT_EQ(before.Valid(), model_lower != model.begin());
  if (before.Valid()) {
    ASSERT_EQ(before.key(), std::prev(model_lower)->first);
  }
}

template <class K>
class PersistentMapTest : public testing::Test {
 protected:
  ~PersistentMapTest() override { EXPECT_EQ(Counted::alive, 0) << "values leaked"; }
};
using KeyTypes = testing::Types<int64_t, std::string, std::tuple<int32_t, int64_t, std::string>>;
TYPED_TEST_SUITE(PersistentMapTest, KeyTypes);

TYPED_TEST(PersistentMapTest, EmptyMapHasNothing) {
  Map<TypeParam> map;
  const auto key = MakeKey<TypeParam>(1);
  EXPECT_EQ(map.size(), 0u);
  EXPECT_EQ(map.Find(key), nullptr);
  EXPECT_EQ(map.Erase(key), nullptr);
  EXPECT_FALSE(map.Begin().Valid());
  EXPECT_FALSE(map.Last().Valid());
  EXPECT_FALSE(map.Before(key).Valid());
  EXPECT_FALSE(map.LowerBound(key).Valid());
  EXPECT_FALSE(map.UpperBound(key).Valid());
  EXPECT_EQ(map.Check(), "");
}

TYPED_TEST(PersistentMapTest, PutAndEraseReturnThePreviousValue) {
  Map<TypeParam> map;
  const auto key = MakeKey<TypeParam>(1);
  EXPECT_EQ(map.Put(key, std::make_shared<Counted>(10)), nullptr);
  EXPECT_EQ(map.Put(key, std::make_shared<Counted>(11))->number, 10);
  EXPECT_EQ(map.size(), 1u);
  EXPECT_EQ(map.Erase(key)->number, 11);
  EXPECT_TRUE(map.empty());
}

// Random edits in phases that grow, churn and shrink the map, against std::map. Snapshots taken on
// the way must equal the model of their moment to the end, while the writer edits on.
TYPED_TEST(PersistentMapTest, EqualsAModelOverRandomEditsAndOldSnapshotsNeverChange) {
  const uint64_t seed = 20240731;
  std::mt19937_64 rng(seed);
  Map<TypeParam> map;
  Model<TypeParam> model;
  std::vector<std::pair<Map<TypeParam>, Model<TypeParam>>> snapshots;
  const int percent_put[] = {90, 50, 15, 70, 5};
  int64_t number = 0;
  for (const int puts : percent_put) {
    for (int step = 0; step < 4000; ++step) {
      const auto key = MakeKey<TypeParam>(static_cast<int64_t>(rng() % 5000));
      const auto at = model.find(key);
      std::shared_ptr<const Counted> previous;
      const bool had = at != model.end();
      const int64_t before = had ? at->second : 0;
      if (static_cast<int>(rng() % 100) < puts) {
        previous = map.Put(key, std::make_shared<Counted>(++number));
        model[key] = number;
      } else {
        previous = map.Erase(key);
        model.erase(key);
      }
      ASSERT_EQ(previous != nullptr, had);
      if (had) {
        ASSERT_EQ(previous->number, before);
      }
      const auto probe = MakeKey<TypeParam>(static_cast<int64_t>(rng() % 5000));
      ASSERT_NO_FATAL_FAILURE(ExpectSameAt(map, model, probe));
      if (rng() % 8 == 0) map.Snapshot();  // a short-lived one: fresh tokens, clones
      if (rng() % 500 == 0) snapshots.emplace_back(map.Snapshot(), model);
    }
    ASSERT_NO_FATAL_FAILURE(ExpectEqual(map, model));
  }
  ASSERT_GT(snapshots.size(), 10u);
  for (const auto& [snapshot, at_its_time] : snapshots) {
    ASSERT_NO_FATAL_FAILURE(ExpectEqual(snapshot, at_its_time));
  }
}

TYPED_TEST(PersistentMapTest, EveryBoundIsRightInALargeMap) {
  Map<TypeParam> map;
  Model<TypeParam> model;
  for (int64_t n = 0; n < 3000; n += 2) {
    map.Put(MakeKey<TypeParam>(n), std::make_shared<Counted>(n));
    model[MakeKey<TypeParam>(n)] = n;
  }
  for (int64_t n = -1; n < 3002; ++n) {
    ASSERT_NO_FATAL_FAILURE(ExpectSameAt(map, model, MakeKey<TypeParam>(n)));
  }
}

TYPED_TEST(PersistentMapTest, ErasingAllInAnyOrderLeavesNothing) {
  std::mt19937_64 rng(7);
  for (int round = 0; round < 4; ++round) {
    std::vector<int64_t> numbers(2500);
    for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int64_t>(i);
    Map<TypeParam> map;
    for (const int64_t n : numbers) map.Put(MakeKey<TypeParam>(n), std::make_shared<Counted>(n));
    const auto full = map.Snapshot();
    if (round == 1) std::reverse(numbers.begin(), numbers.end());
    if (round >= 2) std::shuffle(numbers.begin(), numbers.end(), rng);
    for (const int64_t n : numbers) {
      ASSERT_NE(map.Erase(MakeKey<TypeParam>(n)), nullptr);
      if (n % 100 == 0) {
        ASSERT_EQ(map.Check(), "");
      }
    }
    EXPECT_TRUE(map.empty());
    EXPECT_EQ(map.Check(), "");
    EXPECT_EQ(full.size(), 2500u);
    EXPECT_EQ(full.Check(), "");
  }
}

class PersistentMapOfNumbers : public testing::Test {
 protected:
  static PersistentMap<int64_t, Counted> UpTo(int64_t n) {
    PersistentMap<int64_t, Counted> map;
    for (int64_t i = 0; i < n; ++i) map.Put(i, std::make_shared<Counted>(i));
    return map;
  }
};

TEST_F(PersistentMapOfNumbers, AnEditedSnapshotAndItsSourceDoNotSeeEachOther) {
  auto left = UpTo(1000);
  auto right = left.Snapshot();
  auto third = right;
  left.Put(1, std::make_shared<Counted>(-1));
  right.Erase(1);
  EXPECT_EQ((*left.Find(1))->number, -1);
  EXPECT_EQ(right.Find(1), nullptr);
  EXPECT_EQ((*third.Find(1))->number, 1);
  EXPECT_EQ(right.size(), 999u);
  left = right;
  left.Put(2, std::make_shared<Counted>(-2));
  EXPECT_EQ((*right.Find(2))->number, 2);
  EXPECT_EQ(left.Check() + right.Check() + third.Check(), "");
}

TEST_F(PersistentMapOfNumbers, MovingLeavesAnEmptyMapAndTheEditsGoOn) {
  auto source = UpTo(100);
  const auto snapshot = source.Snapshot();
  source.Put(1, std::make_shared<Counted>(-1));
  auto target = std::move(source);
  EXPECT_TRUE(source.empty());  // NOLINT(bugprone-use-after-move): promised
  target.Put(2, std::make_shared<Counted>(-2));
  source.Put(3, std::make_shared<Counted>(-3));
  EXPECT_EQ((*snapshot.Find(1))->number, 1);
  EXPECT_EQ((*snapshot.Find(2))->number, 2);
  EXPECT_EQ((*target.Find(1))->number, -1);
  EXPECT_EQ(source.size(), 1u);
  EXPECT_EQ(target.size(), 100u);
}

TEST_F(PersistentMapOfNumbers, AMoveDoesNotLetItsSourceEditTheMovedNodes) {
  auto source = UpTo(100);
  auto target = std::move(source);
  const auto snapshot = target.Snapshot();
  source = target;
  source.Put(1, std::make_shared<Counted>(-1));
  target.Put(1, std::make_shared<Counted>(-2));
  EXPECT_EQ((*snapshot.Find(1))->number, 1);
  EXPECT_EQ((*source.Find(1))->number, -1);
  EXPECT_EQ((*target.Find(1))->number, -2);
}

TEST_F(PersistentMapOfNumbers, SelfAssignmentKeepsEverything) {
  auto map = UpTo(100);
  const auto& alias = map;
  map = alias;
  EXPECT_EQ(map.size(), 100u);
  EXPECT_EQ(map.Check(), "");
}

TEST_F(PersistentMapOfNumbers, ForEachStopsWhenToldTo) {
  const auto map = UpTo(1000);
  std::vector<int64_t> seen;
  const auto stop_at_40 = [&](int64_t key, const std::shared_ptr<const Counted>&) {
    seen.push_back(key);
    return key < 40;
  };
  EXPECT_FALSE(map.ForEach(stop_at_40));
  EXPECT_EQ(seen.size(), 41u);
  EXPECT_TRUE(map.ForEach([](int64_t, const auto&) { return true; }));
}

TEST_F(PersistentMapOfNumbers, ValuesAreSharedBySnapshotsAndFreedWithTheLast) {
  {
    auto map = UpTo(10'000);
    auto snapshot = map.Snapshot();
    EXPECT_EQ(Counted::alive, 10'000);
    for (int64_t i = 0; i < 5'000; ++i) map.Put(i, std::make_shared<Counted>(-i));
    EXPECT_EQ(Counted::alive, 15'000);
    snapshot = {};
    EXPECT_EQ(Counted::alive, 10'000);
    map.Clear();
    EXPECT_EQ(Counted::alive, 0);
  }
  EXPECT_EQ(Counted::alive, 0);
}

TEST_F(PersistentMapOfNumbers, StringKeysAreFoundByViewWithoutACopy) {
  PersistentMap<std::string, Counted> map;
  map.Put("conversation-42", std::make_shared<Counted>(42));
  EXPECT_NE(map.Find(std::string_view("conversation-42")), nullptr);
  EXPECT_EQ(map.LowerBound(std::string_view("conv")).key(), "conversation-42");
  EXPECT_NE(map.Erase(std::string_view("conversation-42")), nullptr);
}

// The engine's pattern: a writer publishes a snapshot after each batch under a lock, readers take
// the newest and walk it while the writer goes on. Each batch moves one unit between two accounts,
// so any picture that mixes two moments has a wrong sum. Run under TSan, this also shows that no
// node is edited once published.
TEST_F(PersistentMapOfNumbers, ReadersOnOtherThreadsSeeOnlyWholeBatches) {
  constexpr int64_t kAccounts = 2000;
  constexpr int kBatches = 3000;
  PersistentMap<int64_t, Counted> map;
  for (int64_t i = 0; i < kAccounts; ++i) map.Put(i, std::make_shared<Counted>(100));

  std::mutex mutex;
  PersistentMap<int64_t, Counted> published = map.Snapshot();
  std::atomic<bool> done{false};
  std::atomic<int> walks{0};
  const auto read = [&] {
    do {
      PersistentMap<int64_t, Counted> mine;
      {
        const std::lock_guard<std::mutex> lock(mutex);
        mine = published;
      }
      int64_t sum = 0;
      for (auto c = mine.Begin(); c.Valid(); c.Next()) sum += c->number;
      ASSERT_EQ(sum, kAccounts * 100);
      ++walks;
    } while (!done);
  };
  std::thread first(read);
  std::thread second(read);

  std::mt19937_64 rng(11);
  for (int batch = 0; batch < kBatches; ++batch) {
    const int64_t from = static_cast<int64_t>(rng() % kAccounts);
    const int64_t to = static_cast<int64_t>(rng() % kAccounts);
    for (const auto& [account, change] : {std::pair{from, -1}, std::pair{to, 1}}) {
      const int64_t balance = (*map.Find(account))->number;
      map.Put(account, std::make_shared<Counted>(balance + change));
    }
    const std::lock_guard<std::mutex> lock(mutex);
    published = map.Snapshot();
  }
  done = true;
  first.join();
  second.join();
  EXPECT_GT(walks, 0);
  EXPECT_EQ(map.Check(), "");
}

}  // namespace
}  // namespace coordhub::core
