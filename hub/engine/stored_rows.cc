#include "hub/engine/stored_rows.h"

#include "hub/journal/store_key.h"

namespace coordhub::engine {
namespace {

constexpr size_t kRevisionBytes = 8;

journal::Space SpaceOf(core::StoreRow::Space space) {
  switch (space) {
    case core::StoreRow::Space::kText:
      return journal::Space::kText;
    case core::StoreRow::Space::kTicket:
      break;
  }
  return journal::Space::kTicket;
}

}  // namespace

journal::StoreChange ToStoreChange(const core::StoreRow& row) {
  journal::StoreChange change;
  change.space = SpaceOf(row.space);
  for (const int64_t number : row.key) journal::AppendKeyNumber(number, &change.key);
  std::string value;
  value.reserve(kRevisionBytes + row.value.size());
  journal::AppendKeyNumber(row.revision, &value);
  value += row.value;
  change.value = std::move(value);
  return change;
}

template <class Record>
std::optional<Stored<Record>> FromStore(const std::string& value) {
  const std::optional<int64_t> revision = journal::KeyNumberAt(value);
  if (!revision.has_value()) return std::nullopt;
  Stored<Record> stored;
  stored.revision = *revision;
  if (!stored.record.ParseFromArray(value.data() + kRevisionBytes,
                                    static_cast<int>(value.size() - kRevisionBytes))) {
    return std::nullopt;
  }
  return stored;
}

template std::optional<Stored<v1::TicketBody>> FromStore(const std::string& value);
template std::optional<Stored<v1::Comment>> FromStore(const std::string& value);
template std::optional<Stored<v1::Ticket>> FromStore(const std::string& value);

}  // namespace coordhub::engine
