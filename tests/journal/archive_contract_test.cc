// What the store of every journal promises.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hub/journal/store_key.h"
#include "tests/journal/journal_factory.h"
#include "tests/journal/store_changes.h"

namespace coordhub::journal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ArchiveContract : public JournalContract {
 protected:
  ArchiveContract() : reader_(journal_->NewArchiveReader()) {}
  ~ArchiveContract() override { reader_.reset(); }

  // One event with these changes.
  void Change(std::vector<StoreChange> changes) {
    std::vector<Entry> entries =
        MakeCommit(journal_->head_revision() + 1, journal_->head_revision() + 1);
    entries[0].store = std::move(changes);
    const absl::Status status = journal_->Append(entries);
    ASSERT_TRUE(status.ok()) << status;
  }
  void Put(const std::string& key, const std::string& value) {
    Change({{Space::kText, key, value}});
  }
  std::optional<std::string> Get(const std::string& key, Space space = Space::kText) {
    const auto value = reader_->Get(space, key);
    EXPECT_TRUE(value.ok()) << value.status();
    return value.ok() ? *value : std::nullopt;
  }
  std::vector<std::string> Keys(const StoreScan& scan) {
    const auto rows = reader_->Scan(scan);
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::vector<std::string> keys;
    for (const StoreRow& row : rows.value_or(std::vector<StoreRow>())) keys.push_back(row.key);
    return keys;
  }
  int64_t Verified() {
    const auto rows = journal_->VerifyStore([] { return absl::OkStatus(); });
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.value_or(-1);
  }

  std::unique_ptr<ArchiveReader> reader_;
};

INSTANTIATE_TEST_SUITE_P(Journals, ArchiveContract, ::testing::ValuesIn(JournalKinds()), NameOf);

TEST_P(ArchiveContract, BeginsEmptyAndComplete) {
  EXPECT_FALSE(journal_->store_incomplete());
  EXPECT_EQ(Get("a"), std::nullopt);
  EXPECT_THAT(Keys({}), IsEmpty());
  EXPECT_EQ(journal_->store_size(Space::kText), StoreSize());
  EXPECT_EQ(Verified(), 0);
}

TEST_P(ArchiveContract, ARowIsThereWithItsEvent) {
  Put("a", "one");
  EXPECT_EQ(Get("a"), "one");
  EXPECT_EQ(Get("b"), std::nullopt);
  EXPECT_EQ(Revisions(*ReadAll(journal_.get(), 0)), Range(1, 1));
  EXPECT_THAT((*ReadAll(journal_.get(), 0))[0].store, IsEmpty()) << "only written";
}

TEST_P(ArchiveContract, GivesBackTheBytesThatWerePut) {
  const std::string all_bytes = [] {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    return bytes;
  }();
  const std::string mebibyte(1 << 20, 'm');
  const std::string largest(kMaxStoreValueBytes, 'l');
  const std::string longest_key(kMaxStoreKeyBytes, '\xff');
  Change({{Space::kText, "empty", ""},
          {Space::kText, all_bytes, all_bytes},
          {Space::kMessage, "1", mebibyte},
          {Space::kAnswer, longest_key, largest}});
  EXPECT_EQ(Get("empty"), "");
  EXPECT_EQ(Get(all_bytes), all_bytes);
  EXPECT_TRUE(Get("1", Space::kMessage) == mebibyte);
  EXPECT_TRUE(Get(longest_key, Space::kAnswer) == largest);
  EXPECT_THAT(Keys({.space = Space::kAnswer}), ElementsAre(longest_key));
  EXPECT_EQ(Verified(), 4);
}

TEST_P(ArchiveContract, ChangesAreMadeInOrder) {
  Change({{Space::kText, "a", "1"}, {Space::kText, "a", "2"}, {Space::kText, "b", "3"}});
  EXPECT_EQ(Get("a"), "2");
  Change({{Space::kText, "a", "4"}, {Space::kText, "b", std::nullopt}});
  EXPECT_EQ(Get("a"), "4");
  EXPECT_EQ(Get("b"), std::nullopt);
  Change({{Space::kText, "a", std::nullopt}, {Space::kText, "b", "5"}});
  EXPECT_EQ(Get("a"), std::nullopt);
  EXPECT_EQ(Get("b"), "5");
  Change({{Space::kText, "c", "6"}, {Space::kText, "c", std::nullopt}});
  EXPECT_EQ(Get("c"), std::nullopt);
  EXPECT_EQ(Verified(), 1);
}

TEST_P(ArchiveContract, AnAppendMakesTheChangesOfAllItsEntries) {
  std::vector<Entry> entries = MakeCommits(1, 6, /*size=*/2);
  for (Entry& entry : entries) AddStoreChanges(&entry);
  ASSERT_TRUE(journal_->Append(entries).ok());
  ExpectStoreAt(journal_.get(), 6);
}

TEST_P(ArchiveContract, ErasingWhatIsNotThereChangesNothing) {
  Put("a", "1");
  Change({{Space::kText, "b", std::nullopt}, {Space::kTicket, "a", std::nullopt}});
  EXPECT_EQ(Get("a"), "1");
  EXPECT_EQ(journal_->store_size(Space::kText), (StoreSize{1, 1}));
  EXPECT_EQ(journal_->head_revision(), 2);
}

TEST_P(ArchiveContract, SpacesAreApart) {
  Change({{Space::kText, "a", "text"}, {Space::kTicket, "a", "ticket"}});
  EXPECT_EQ(Get("a", Space::kText), "text");
  EXPECT_EQ(Get("a", Space::kTicket), "ticket");
  EXPECT_EQ(Get("a", Space::kMessage), std::nullopt);
  EXPECT_THAT(Keys({.space = Space::kTicket}), ElementsAre("a"));
  Change({{Space::kText, "a", std::nullopt}});
  EXPECT_EQ(Get("a", Space::kTicket), "ticket");
}

TEST_P(ArchiveContract, SizesCountRowsAndTheBytesOfTheirValues) {
  Change({{Space::kText, "a", "12345"}, {Space::kText, "b", "123"}, {Space::kTicket, "c", "1"}});
  EXPECT_EQ(journal_->store_size(Space::kText), (StoreSize{2, 8}));
  EXPECT_EQ(journal_->store_size(Space::kTicket), (StoreSize{1, 1}));
  EXPECT_EQ(journal_->store_size(Space::kAnswer), (StoreSize{0, 0}));
  Change({{Space::kText, "a", "1"}});
  EXPECT_EQ(journal_->store_size(Space::kText), (StoreSize{2, 4}));
  Change({{Space::kText, "b", std::nullopt}});
  EXPECT_EQ(journal_->store_size(Space::kText), (StoreSize{1, 1}));
  EXPECT_EQ(Verified(), 2);
}

TEST_P(ArchiveContract, ScansGoByTheBytesOfKeys) {
  const std::vector<std::string> keys = {std::string("\0", 1), "A", "a",    "a\x01", "ab",  "a\xff",
                                         "a\xff\xff",          "b", "\x7f", "\x80",  "\xff"};
  std::vector<StoreChange> changes;
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
    changes.push_back({Space::kText, *key, "value of " + *key});
  }
  Change(changes);
  EXPECT_EQ(Keys({}), keys);
  EXPECT_EQ(Keys({.descending = true}), std::vector<std::string>(keys.rbegin(), keys.rend()));
  EXPECT_THAT(Keys({.prefix = "a"}), ElementsAre("a", "a\x01", "ab", "a\xff", "a\xff\xff"));
  EXPECT_THAT(Keys({.prefix = "a", .descending = true}),
              ElementsAre("a\xff\xff", "a\xff", "ab", "a\x01", "a"));
  EXPECT_THAT(Keys({.prefix = "a\xff"}), ElementsAre("a\xff", "a\xff\xff"));
  EXPECT_THAT(Keys({.prefix = "\xff"}), ElementsAre("\xff"));
  EXPECT_THAT(Keys({.prefix = "\xff", .descending = true}), ElementsAre("\xff"));
  EXPECT_THAT(Keys({.prefix = "x"}), IsEmpty());
  EXPECT_THAT(Keys({.prefix = "a", .after = "ab"}), ElementsAre("a\xff", "a\xff\xff"));
  EXPECT_THAT(Keys({.prefix = "a", .after = "aa"}), ElementsAre("ab", "a\xff", "a\xff\xff"));
  EXPECT_THAT(Keys({.prefix = "a", .after = "ab", .descending = true}), ElementsAre("a\x01", "a"));
  EXPECT_THAT(Keys({.prefix = "a", .after = "A"}).size(), 5U) << "before the prefix";
  EXPECT_THAT(Keys({.prefix = "a", .after = "b"}), IsEmpty());
  EXPECT_THAT(Keys({.prefix = "a", .after = "b", .descending = true}).size(), 5U);
  EXPECT_THAT(Keys({.prefix = "a", .after = "A", .descending = true}), IsEmpty());
  EXPECT_EQ((*reader_->Scan({.prefix = "ab"}))[0].value, "value of ab");
}

TEST_P(ArchiveContract, PagesOfAScanGiveEachRowOnceInBothDirections) {
  std::vector<StoreChange> changes;
  for (int64_t number = 0; number < 2500; ++number) {
    changes.push_back({Space::kTicket, KeyOf(number * 1000), std::to_string(number)});
  }
  Change(changes);
  for (const bool descending : {false, true}) {
    StoreScan scan{.space = Space::kTicket, .descending = descending, .max_rows = 333};
    std::vector<int64_t> numbers;
    while (true) {
      const auto rows = reader_->Scan(scan);
      ASSERT_TRUE(rows.ok()) << rows.status();
      ASSERT_LE(rows->size(), 333U);
      if (rows->empty()) break;
      for (const StoreRow& row : *rows) numbers.push_back(*KeyNumberAt(row.key) / 1000);
      scan.after = rows->back().key;
    }
    if (descending) std::reverse(numbers.begin(), numbers.end());
    EXPECT_EQ(numbers, Range(0, 2499));
  }
  EXPECT_EQ(Keys({.space = Space::kTicket, .max_rows = 5000}).size(), 1000U) << "1,000 at most";
}

TEST_P(ArchiveContract, AScanGivesWhatFitsButAtLeastOneRow) {
  std::vector<StoreChange> changes;
  for (const char* key : {"a", "b", "c"}) {
    changes.push_back({Space::kText, key, std::string(99, 'x')});
  }
  Change(changes);
  EXPECT_THAT(Keys({.max_bytes = 1}), ElementsAre("a"));
  EXPECT_THAT(Keys({.max_bytes = 199}), ElementsAre("a"));
  EXPECT_THAT(Keys({.max_bytes = 200}), ElementsAre("a", "b"));
  EXPECT_THAT(Keys({.descending = true, .max_bytes = 200}), ElementsAre("c", "b"));
  EXPECT_THAT(Keys({.max_rows = 0}), IsEmpty());
}

TEST_P(ArchiveContract, GetManyGivesValuesInTheOrderOfTheKeysAndAsManyAsFit) {
  Change({{Space::kText, "a", "1"}, {Space::kText, "b", "22"}, {Space::kText, "c", "333"}});
  const std::vector<std::string> keys = {"c", "none", "a", "b", "a"};
  using Values = std::vector<std::optional<std::string>>;
  EXPECT_EQ(*reader_->GetMany(Space::kText, keys, SIZE_MAX),
            (Values{"333", std::nullopt, "1", "22", "1"}));
  EXPECT_EQ(*reader_->GetMany(Space::kText, keys, 4), (Values{"333", std::nullopt, "1"}));
  EXPECT_EQ(*reader_->GetMany(Space::kText, keys, 0), (Values{"333", std::nullopt}))
      << "the first one in any case";
  EXPECT_THAT(*reader_->GetMany(Space::kText, {}, SIZE_MAX), IsEmpty());
  const std::vector<std::string> many(1500, "a");
  EXPECT_EQ(reader_->GetMany(Space::kText, many, SIZE_MAX)->size(), 1000U);
}

TEST_P(ArchiveContract, KeysOfNumbersSortByThem) {
  EXPECT_LT(KeyOf(9), KeyOf(10));
  EXPECT_LT(KeyOf(255), KeyOf(256));
  EXPECT_LT(KeyOf(1, 500), KeyOf(2, 1));
  EXPECT_LT(KeyOf(1), KeyOf(1, 0));
  EXPECT_EQ(KeyOf(7, 8).substr(0, 8), KeyOf(7));
  EXPECT_EQ(KeyNumberAt(KeyOf(7, 1LL << 40), 8), 1LL << 40);
  EXPECT_EQ(KeyNumberAt(KeyOf(7), 1), std::nullopt);
  EXPECT_EQ(KeyNumberAt("", 9), std::nullopt);
}

TEST_P(ArchiveContract, ReadersSeeEveryRowWhoseEventIsDurableWhileTheWriterGoesOn) {
  constexpr int64_t kHead = 300;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([this] {
      const auto reader = journal_->NewArchiveReader();
      int64_t durable = 0;
      while (durable < kHead) {
        durable = journal_->head_revision();
        if (durable == 0) continue;
        const auto value = reader->Get(Space::kText, KeyOf(durable));
        ASSERT_TRUE(value.ok()) << value.status();
        ASSERT_EQ(*value, std::to_string(durable));
      }
    });
  }
  for (int64_t revision = 1; revision <= kHead; ++revision) {
    Put(KeyOf(revision), std::to_string(revision));
    ASSERT_TRUE(journal_->Checkpoint(/*force=*/false).ok());
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_P(ArchiveContract, CompactionAndCheckpointsTakeNothingFromTheStore) {
  for (int64_t revision = 1; revision <= 50; ++revision) {
    std::vector<Entry> entries = MakeCommit(revision, revision, /*padding=*/2000);
    AddStoreChanges(&entries[0]);
    ASSERT_TRUE(journal_->Append(entries).ok());
  }
  ASSERT_TRUE(SaveSnapshot(journal_.get(), 50).ok());
  ASSERT_EQ(*journal_->Compact(50), 50);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(journal_->Checkpoint(/*force=*/i == 5).ok());
  ExpectStoreAt(journal_.get(), 50);
}

TEST_P(ArchiveContract, AVerificationGoesOnBesideTheWriterAndEndsWhenToldTo) {
  for (int64_t revision = 1; revision <= 3; ++revision) {
    std::vector<Entry> entries = MakeCommit(revision, revision);
    for (int i = 0; i < 700; ++i) {
      entries[0].store.push_back({Space::kText, KeyOf(revision, i), "x"});
    }
    ASSERT_TRUE(journal_->Append(entries).ok());
  }
  int pieces = 0;
  const auto rows = journal_->VerifyStore([&] {
    ++pieces;
    // Meanwhile rows come and go: it is about those that were there when it began.
    Change({{Space::kText, KeyOf(1, pieces), std::nullopt},
            {Space::kText, KeyOf(2, pieces), "another"},
            {Space::kText, KeyOf(9, pieces), "new"}});
    EXPECT_TRUE(journal_->Checkpoint(/*force=*/false).ok());
    return absl::OkStatus();
  });
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, 2100);
  EXPECT_EQ(Verified(), 2100);
  if (!factory_->on_disk()) return;
  EXPECT_GT(pieces, 1);
  EXPECT_TRUE(absl::IsCancelled(
      journal_->VerifyStore([] { return absl::CancelledError("enough"); }).status()));
}

TEST_P(ArchiveContract, WhatAnOlderReleaseDidNotKeepIsBroughtInBeforeAnythingElse) {
  reader_.reset();
  journal_.reset();
  const auto fresh = GetParam().make();
  journal_ = fresh->OpenIncomplete();
  ASSERT_NE(journal_, nullptr);
  reader_ = journal_->NewArchiveReader();
  ASSERT_TRUE(journal_->store_incomplete());
  const std::string large(700'000, 'x');
  std::vector<StoreChange> puts;
  for (int64_t i = 0; i < 5; ++i) puts.push_back({Space::kText, KeyOf(i), large});
  ASSERT_TRUE(journal_->CompleteStore(puts, /*last=*/false).ok());
  EXPECT_TRUE(journal_->store_incomplete());
  // As after a kill: all of it again.
  ASSERT_TRUE(journal_->CompleteStore(puts, /*last=*/false).ok());
  const StoreChange final_put{Space::kText, KeyOf(5), "last"};
  ASSERT_TRUE(journal_->CompleteStore({&final_put, 1}, /*last=*/true).ok());
  EXPECT_FALSE(journal_->store_incomplete());
  EXPECT_EQ(journal_->store_size(Space::kText), (StoreSize{6, 3'500'004}));
  EXPECT_TRUE(Get(KeyOf(3)) == large);
  EXPECT_EQ(Verified(), 6);
  Change({{Space::kText, KeyOf(3), std::nullopt}});
  EXPECT_EQ(Verified(), 5);
  reader_.reset();
  journal_.reset();
}

TEST_P(ArchiveContract, NeverKeepsWhatItCouldNotGiveBack) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Put("", "value"), "empty or too long");
  EXPECT_DEATH(Put(std::string(kMaxStoreKeyBytes + 1, 'k'), "value"), "empty or too long");
  EXPECT_DEATH(Put("key", std::string(kMaxStoreValueBytes + 1, 'v')), "value of the store");
  EXPECT_DEATH(Change({{static_cast<Space>(99), "key", "value"}}), "no such space");
  EXPECT_DEATH((void)journal_->CompleteStore({}, true), "is complete");
}

TEST_P(ArchiveContract, TheGreatestAppendIsTakenAndAGreaterOneNever) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const size_t room = journal_->max_append_bytes();
  std::vector<Entry> entries = MakeCommit(1, 1);
  size_t left = room - SizeOf(entries[0]);
  for (int64_t i = 0; left > 0; ++i) {
    const size_t size = std::min(left - 8, kMaxStoreValueBytes);
    entries[0].store.push_back({Space::kText, KeyOf(i), std::string(size, 'x')});
    left -= size + 8;
    if (left < 8) break;
  }
  entries[0].event_bytes.append(left, 'x');
  ASSERT_EQ(SizeOf(entries[0]), room);
  std::vector<Entry> greater = entries;
  greater[0].event_bytes += 'x';
  EXPECT_DEATH((void)journal_->Append(greater), "max_append_bytes");
  ASSERT_TRUE(journal_->Append(entries).ok());
  EXPECT_EQ(Verified(), static_cast<int64_t>(entries[0].store.size()));
}

TEST_P(ArchiveContract, AJournalLeadsFromTheStart) { EXPECT_TRUE(journal_->CheckHeld().ok()); }

}  // namespace
}  // namespace coordhub::journal
