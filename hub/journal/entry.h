#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// What a journal keeps: events, and private bytes beside them.
namespace coordhub::journal {

// A part of the store, with keys of its own. The numbers are on disk: a meaning is never changed.
enum class Space : int {
  // Bodies of tickets, comments.
  kText = 1,
  // Finished tickets that left the state.
  kTicket = 2,
  // Texts of messages.
  kMessage = 3,
  // Answers to remembered requests that are too large for memory.
  kAnswer = 4,
};
inline constexpr Space kSpaces[] = {Space::kText, Space::kTicket, Space::kMessage, Space::kAnswer};

// Limits of a row of the store, bytes. Keys are not empty.
inline constexpr size_t kMaxStoreKeyBytes = 1024;
inline constexpr size_t kMaxStoreValueBytes = 4 << 20;

// A change of the store. `store_key.h` makes keys that sort by number.
struct StoreChange {
  Space space = Space::kText;
  std::string key;
  // What the row holds from now on; nullopt erases it (fine when there is none).
  std::optional<std::string> value;
};

// One event as it is kept: the public event's bytes, and private bytes that are never streamed.
struct Entry {
  int64_t revision = 0;
  int64_t commit_revision = 0;
  // Serialized coordhub.v1.Event: exactly the bytes that go on streams.
  std::string event_bytes;
  // Serialized CommitPrivate; empty for most.
  std::string private_bytes;
  // Changes of the store that the event causes, in order: there exactly when the event is. Only
  // written: a reader of events does not give them back.
  std::vector<StoreChange> store;
};

// First and last revision of a commit.
using CommitRange = std::pair<int64_t, int64_t>;

// What a journal is, apart from its entries.
struct Identity {
  // Names the log: 32 hex digits, minted when it was made or restored.
  std::string log_id;
  // Sessions from before a restore have not been ended yet.
  bool restored = false;
};

}  // namespace coordhub::journal
