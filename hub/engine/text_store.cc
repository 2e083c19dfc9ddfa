#include "hub/engine/text_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/core/ticket_id.h"
#include "hub/engine/stored_rows.h"
#include "hub/journal/store_key.h"

namespace coordhub::engine {
namespace {

using journal::KeyOf;
using journal::Space;

// Each is of a call that waits for it; those are bounded.
constexpr size_t kTasks = 32768;
constexpr size_t kListedBytes = 2 << 20;
// What a body takes beside its text, about.
constexpr size_t kOverhead = 160;

absl::Status Damaged(const std::string& what) {
  return base::MakeError(v1::ERROR_REASON_JOURNAL_DAMAGED,
                         absl::StrCat("the store has not got ", what, ", or damaged"));
}

}  // namespace

TextStore::TextStore(journal::Archive* archive, size_t cache_bytes)
    : reader_(archive->NewArchiveReader()),
      cache_bytes_(cache_bytes),
      thread_(kTasks, "text-reader") {}

void TextStore::Read(const TextQuery& query, TextsDone done) {
  if (query.comments == 0) {
    if (!query.body) return done(Texts());
    if (std::optional<Texts> found = FindBody(query.number)) return done(*std::move(found));
  }
  thread_.Post([this, query, done = std::move(done)](const absl::Status& go) {
    done(go.ok() ? ReadNow(query) : absl::StatusOr<Texts>(go));
  });
}

void TextStore::ReadArchived(int64_t number, TicketDone done) {
  thread_.Post([this, number, done = std::move(done)](const absl::Status& go) {
    const auto read = [&]() -> absl::StatusOr<std::optional<v1::Ticket>> {
      COORDHUB_RETURN_IF_ERROR(go);
      COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> value,
                                reader_->Get(Space::kTicket, KeyOf(number)));
      if (!value.has_value()) return std::optional<v1::Ticket>();
      auto stored = FromStore<v1::Ticket>(*value);
      if (!stored.has_value()) return Damaged(core::TicketId(number));
      stored->record.set_archived(true);
      return std::optional<v1::Ticket>(std::move(stored->record));
    };
    done(read());
  });
}

void TextStore::ListArchived(int64_t after, bool descending, size_t max, TicketsDone done) {
  thread_.Post([this, after, descending, max, done = std::move(done)](const absl::Status& go) {
    done(go.ok() ? ListNow(after, descending, max) : absl::StatusOr<std::vector<v1::Ticket>>(go));
  });
}

absl::StatusOr<std::vector<v1::Ticket>> TextStore::ListNow(int64_t after, bool descending,
                                                           size_t max) {
  journal::StoreScan scan;
  scan.space = Space::kTicket;
  if (after > 0) scan.after = KeyOf(after);
  scan.descending = descending;
  scan.max_rows = max;
  scan.max_bytes = kListedBytes;
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<journal::StoreRow> rows, reader_->Scan(scan));
  std::vector<v1::Ticket> tickets;
  tickets.reserve(rows.size());
  for (const journal::StoreRow& row : rows) {
    auto stored = FromStore<v1::Ticket>(row.value);
    if (!stored.has_value()) return Damaged("an archived ticket");
    stored->record.set_archived(true);
    tickets.push_back(std::move(stored->record));
  }
  return tickets;
}

absl::StatusOr<Texts> TextStore::ReadNow(const TextQuery& query) {
  Texts texts;
  if (query.body) {
    if (std::optional<Texts> found = FindBody(query.number)) {
      texts = *std::move(found);
    } else {
      COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> value,
                                reader_->Get(Space::kText, KeyOf(query.number)));
      auto body = value.has_value() ? FromStore<v1::TicketBody>(*value) : std::nullopt;
      if (!body.has_value())
        return Damaged(absl::StrCat("the body of ", core::TicketId(query.number)));
      texts.body = std::move(*body->record.mutable_text());
      texts.body_revision = body->revision;
    }
  }
  COORDHUB_RETURN_IF_ERROR(ReadComments(query, &texts));
  return texts;
}

absl::Status TextStore::ReadComments(const TextQuery& query, Texts* texts) {
  std::vector<std::string> keys;
  for (int32_t at = query.newest_comment; at > 0 && at > query.newest_comment - query.comments;
       --at) {
    keys.push_back(KeyOf(query.number, at));
  }
  if (keys.empty()) return absl::OkStatus();
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<std::optional<std::string>> values,
                            reader_->GetMany(Space::kText, keys, query.comment_bytes));
  for (const std::optional<std::string>& value : values) {
    auto comment = value.has_value() ? FromStore<v1::Comment>(*value) : std::nullopt;
    if (!comment.has_value())
      return Damaged(absl::StrCat("a comment of ", core::TicketId(query.number)));
    texts->comments.push_back(std::move(comment->record));
  }
  std::reverse(texts->comments.begin(), texts->comments.end());
  return absl::OkStatus();
}

std::optional<Texts> TextStore::FindBody(int64_t number) {
  std::shared_ptr<const std::string> text;
  Texts texts;
  {
    base::MutexLock lock(&mu_);
    const auto body = bodies_.find(number);
    if (body == bodies_.end()) return std::nullopt;
    text = body->second.text;
    texts.body_revision = body->second.revision;
  }
  texts.body = *text;
  return texts;
}

void TextStore::Follow(const std::vector<EncodedEvent>& events) {
  for (const EncodedEvent& encoded : events) {
    for (const v1::RecordChange& change : encoded.event->changes()) {
      if (!change.has_ticket_body()) continue;
      Keep(core::TicketNumber(change.ticket_body().ticket_id()), encoded.event->revision(),
           change.ticket_body().text());
    }
  }
}

void TextStore::Keep(int64_t number, int64_t revision, const std::string& text) {
  auto kept = std::make_shared<const std::string>(text);
  base::MutexLock lock(&mu_);
  const auto [body, is_new] = bodies_.try_emplace(number);
  if (is_new) {
    body->second.place = order_.insert(order_.end(), number);
  } else {
    bytes_ -= kOverhead + body->second.text->size();
    order_.splice(order_.end(), order_, body->second.place);
  }
  body->second.revision = revision;
  body->second.text = std::move(kept);
  bytes_ += kOverhead + text.size();
  while (bytes_ > cache_bytes_) {
    const auto oldest = bodies_.find(order_.front());
    bytes_ -= kOverhead + oldest->second.text->size();
    bodies_.erase(oldest);
    order_.pop_front();
  }
}

size_t TextStore::cached_bytes() const {
  base::MutexLock lock(&mu_);
  return bytes_;
}

}  // namespace coordhub::engine
