#include "hub/mirror/tickets_file.h"

#include <array>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"
#include "hub/core/limits.h"
#include "hub/core/proto_time.h"
#include "hub/mirror/names.h"

namespace coordhub::mirror {
namespace {

namespace pb = coordhub::v1;
using base::ToAbsl;
using StateCursor = decltype(core::Records::tickets_by_state)::Cursor;

constexpr std::string_view kTicketWord = "] ticket: T-";
constexpr size_t kTimeBytes = 19;  // 2025-07-29 12:00:00

void AppendLine(const pb::Ticket& ticket, absl::TimeZone zone, std::string* out) {
  const std::string title =
      base::EscapeMarkdown(base::OneLine(ticket.title(), core::limits::kTitleBytes));
  absl::StrAppend(out, "- [", LocalTime(core::FromProto(ticket.create_time()), zone),
                  "] ticket: ", ticket.ticket_id(), " ", ToAbsl(StateName(ticket.state())), " p",
                  ticket.priority(), title.empty() ? "" : " ", title, "\n");
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

}  // namespace

std::string RenderTickets(const core::View& view, absl::TimeZone zone) {
  // The table has them by (state, number); merging the few states gives the order of the numbers.
  std::array<StateCursor, kUnfinishedStates.size()> cursors;
  for (size_t i = 0; i < cursors.size(); ++i) {
    cursors[i] =
        view.records.tickets_by_state.LowerBound(std::pair<int, int64_t>(kUnfinishedStates[i], 0));
  }
  std::string out;
  while (true) {
    StateCursor* first = nullptr;
    for (size_t i = 0; i < cursors.size(); ++i) {
      if (!cursors[i].Valid() || cursors[i].key().first != kUnfinishedStates[i]) continue;
      if (first == nullptr || cursors[i].key().second < first->key().second) first = &cursors[i];
    }
    if (first == nullptr) return out;
    AppendLine(**first, zone, &out);
    first->Next();
  }
}

bool IsTicketLine(std::string_view line) {
  if (!Take("- [", &line) || line.size() < kTimeBytes) return false;
  line.remove_prefix(kTimeBytes);
  if (!Take(kTicketWord, &line) || !TakeDigits(&line) || !Take(" ", &line)) return false;
  if (!TakeState(&line) || !Take(" p", &line) || !TakeDigits(&line)) return false;
  return line.empty() || line.front() == ' ';
}

}  // namespace coordhub::mirror
