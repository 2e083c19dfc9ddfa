#include "hub/mirror/tickets_file.h"

#include <array>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/string_view.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"
#include "hub/mirror/names.h"

namespace coordhub::mirror {
namespace {

namespace pb = coordhub::v1;
using base::ToAbsl;
using StateCursor = decltype(core::Records::tickets_by_state)::Cursor;

constexpr char kLineBegin[] = "- [";
constexpr std::string_view kTicketWord = "] ticket: T-";
constexpr size_t kTimeBytes = 19;  // 2025-07-29 12:00:00

// `created`: the ticket's time of creation, as LocalTime has it.
void AppendLine(const pb::Ticket& ticket, std::string_view created, std::string* out) {
  const std::string title = Harmless(ticket.title(), core::limits::kTitleBytes);
  absl::StrAppend(out, kLineBegin, ToAbsl(created), "] ticket: ", ticket.ticket_id(), " ",
                  ToAbsl(StateName(ticket.state())), " p", ticket.priority(),
                  title.empty() ? "" : " ", title, "\n");
}

// Takes `prefix` off the front of `s`; false if it is not there.
bool Take(std::string_view prefix, std::string_view* s) {
  if (s->substr(0, prefix.size()) != prefix) return false;
  s->remove_prefix(prefix.size());
  return true;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes the digits at the front of `s`; false if there are none.
bool TakeDigits(std::string_view* s) {
  size_t digits = 0;
  while (digits < s->size() && IsDigit((*s)[digits])) ++digits;
  s->remove_prefix(digits);
  return digits > 0;
}

bool TakeState(std::string_view* s) {
  for (const pb::Ticket::State state : kUnfinishedStates) {
    if (Take(StateName(state), s)) return true;
  }
  return false;
}

// Calls `fn` with each unfinished ticket, in order of their numbers.
template <class Fn>
void ForEachUnfinished(const core::View& view, Fn fn) {
  // The table has them by (state, number); merging the few states gives the order of the numbers.
  std::array<StateCursor, kUnfinishedStates.size()> cursors;
  for (size_t i = 0; i < cursors.size(); ++i) {
    cursors[i] =
        view.records.tickets_by_state.LowerBound(std::pair<int, int64_t>(kUnfinishedStates[i], 0));
  }
  while (true) {
    StateCursor* first = nullptr;
    for (size_t i = 0; i < cursors.size(); ++i) {
      if (!cursors[i].Valid() || cursors[i].key().first != kUnfinishedStates[i]) continue;
      if (first == nullptr || cursors[i].key().second < first->key().second) first = &cursors[i];
    }
    if (first == nullptr) return;
    fn(first->key().second, **first);
    first->Next();
  }
}

}  // namespace

std::string RenderTickets(const core::View& view, absl::TimeZone zone) {
  std::string out;
  ForEachUnfinished(view, [&](int64_t, const pb::Ticket& t) {
    AppendLine(t, LocalTime(core::FromProto(t.create_time()), zone), &out);
  });
  return out;
}

void TicketsText::AddLine(const pb::Ticket& ticket, std::string_view old, std::string* text) {
  if (!old.empty()) {
    return AppendLine(ticket, old.substr(sizeof(kLineBegin) - 1, kTimeBytes), text);
  }
  if (formatted_seconds_ != ticket.create_time().seconds()) {
    formatted_seconds_ = ticket.create_time().seconds();
    formatted_ = LocalTime(core::FromProto(ticket.create_time()), zone_);
  }
  AppendLine(ticket, formatted_, text);
}

bool TicketsText::Update(const core::View& view) {
  std::string text;
  text.reserve(text_.size() + 256);
  std::vector<Line> lines;
  lines.reserve(lines_.size() + 1);
  // The first of the old lines that may still be used, and where it begins in text_.
  size_t next = 0;
  size_t next_begin = 0;
  int64_t done = 0;
  ForEachUnfinished(view, [&](int64_t number, const pb::Ticket& ticket) {
    if (rest_ && ++done % kLinesAtOnce == 0) rest_();
    while (next < lines_.size() && lines_[next].number < number) next_begin += lines_[next++].size;
    const bool had = next < lines_.size() && lines_[next].number == number;
    const std::string_view old =
        had ? std::string_view(text_).substr(next_begin, lines_[next].size) : std::string_view();
    const size_t begin = text.size();
    if (had && lines_[next].mod_revision == ticket.mod_revision()) {
      text.append(old);
    } else {
      AddLine(ticket, old, &text);
    }
    if (lines.size() <= kLinesKept) {
      lines.push_back({number, ticket.mod_revision(), static_cast<uint32_t>(text.size() - begin)});
    }
  });
  if (lines.size() > kLinesKept) lines.clear();
  // The first text grew by doubling.
  if (text.capacity() > text.size() + text.size() / 4) text.shrink_to_fit();
  const bool changed = text != text_;
  text_ = std::move(text);
  lines_ = std::move(lines);
  return changed;
}

bool IsTicketLine(std::string_view line) {
  if (!Take(kLineBegin, &line) || line.size() < kTimeBytes) return false;
  line.remove_prefix(kTimeBytes);
  if (!Take(kTicketWord, &line) || !TakeDigits(&line) || !Take(" ", &line)) return false;
  if (!TakeState(&line) || !Take(" p", &line) || !TakeDigits(&line)) return false;
  return line.empty() || line.front() == ' ';
}

}  // namespace coordhub::mirror
