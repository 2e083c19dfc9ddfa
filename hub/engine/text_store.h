#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "agent/base/mutex.h"
#include "coordhub/v1/ticket.pb.h"
#include "hub/engine/broadcaster.h"
#include "hub/engine/executor.h"
#include "hub/journal/archive.h"

namespace coordhub::engine {

// What of a ticket's texts is wanted.
struct TextQuery {
  int64_t number = 0;
  bool body = false;
  // So many comments up to this number, the newest first, as far as they take no more than so many
  // bytes. 0 comments: none.
  int32_t newest_comment = 0;
  int32_t comments = 0;
  size_t comment_bytes = 1 << 20;
};

struct Texts {
  std::string body;
  // Of the event that wrote it: that of a view may be older. 0 without a body.
  int64_t body_revision = 0;
  // In ascending order of their numbers.
  std::vector<v1::Comment> comments;
};

// Reads what is not in memory: texts, and tickets that left the state. Shows what is durable, which
// a view may not show yet. Owns a thread that blocks on the disk, and keeps the bodies that were
// written last, in bounded memory: who claims a ticket often does it soon. Any thread may call any
// method; none blocks.
//
// `done` is called once: at once where the answer is in memory, else on the store's thread, and
// must not block. Errors: JOURNAL_DAMAGED (a text that must be there is not, or is damaged),
// IO_FAILED, OVERLOADED, HUB_DRAINING.
class TextStore {
 public:
  // Of the bodies that are kept.
  static constexpr size_t kCacheBytes = 16u << 20;

  // `archive` outlives this.
  explicit TextStore(journal::Archive* archive, size_t cache_bytes = kCacheBytes);
  ~TextStore() { Stop(); }

  using TextsDone = std::function<void(absl::StatusOr<Texts>)>;
  void Read(const TextQuery& query, TextsDone done);

  // An archived ticket, as it was; nullopt: it is none.
  using TicketDone = std::function<void(absl::StatusOr<std::optional<v1::Ticket>>)>;
  void ReadArchived(int64_t number, TicketDone done);

  // Archived tickets in the order of their numbers, beyond `after` (0: from the first one): up to
  // `max`, and as many as fit into a few megabytes. Empty: there are no more.
  using TicketsDone = std::function<void(absl::StatusOr<std::vector<v1::Ticket>>)>;
  void ListArchived(int64_t after, bool descending, size_t max, TicketsDone done);

  // Keeps the bodies of a batch that is durable. Writer's thread.
  void Follow(const std::vector<EncodedEvent>& events);

  // Calls what is queued with HUB_DRAINING. Idempotent.
  void Stop() { thread_.Stop(); }

  // Bodies that are kept, bytes.
  size_t cached_bytes() const;

 private:
  struct Body {
    int64_t revision = 0;
    std::shared_ptr<const std::string> text;
    // In order_.
    std::list<int64_t>::iterator place;
  };

  std::optional<Texts> FindBody(int64_t number);
  void Keep(int64_t number, int64_t revision, const std::string& text);
  absl::StatusOr<Texts> ReadNow(const TextQuery& query);
  absl::Status ReadComments(const TextQuery& query, Texts* texts);
  absl::StatusOr<std::vector<v1::Ticket>> ListNow(int64_t after, bool descending, size_t max);

  // On the thread only.
  const std::unique_ptr<journal::ArchiveReader> reader_;
  const size_t cache_bytes_;

  mutable base::Mutex mu_;
  absl::flat_hash_map<int64_t, Body> bodies_ ABSL_GUARDED_BY(mu_);
  // The one that was written longest ago comes first.
  std::list<int64_t> order_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;

  Executor thread_;
};

}  // namespace coordhub::engine
