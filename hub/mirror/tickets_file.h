// The content of shared_state/tickets.md.

#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "hub/core/records.h"

namespace coordhub::mirror {

// One line for each unfinished ticket, in the order in which they were made, and nothing else:
//
//   - [2025-07-29 12:00:00] ticket: T-17 OPEN p2 Mend the fence
//
// The time is that of the ticket's creation, in `zone`. A title is data: it stays on its line and
// means nothing to Markdown. In proportion to the unfinished tickets. Pure; any thread.
std::string RenderTickets(const core::View& view, absl::TimeZone zone);

// The same, again and again: a line is made when its ticket changed, and copied otherwise. Keeps
// the text and some words for each line, but for very many. Not thread-safe.
class TicketsText {
 public:
  // `rest` is called every kLinesAtOnce lines, which take some tenths of a millisecond, to let
  // others have the processor. Null: nobody is waited for.
  explicit TicketsText(absl::TimeZone zone, std::function<void()> rest = nullptr)
      : zone_(zone), rest_(std::move(rest)) {}

  static constexpr int64_t kLinesAtOnce = 256;

  // Makes text() what RenderTickets says of this view. False: it was that already.
  bool Update(const core::View& view);
  const std::string& text() const { return text_; }

 private:
  // Of text_, one after the other.
  struct Line {
    int64_t number;
    int64_t mod_revision;
    uint32_t size;
  };
  // More lines are made anew each time, so that the memory stays small beside that of the tickets.
  static constexpr size_t kLinesKept = 1'000'000;

  // The ticket's line, added to `text`. `old`: its line before, empty if there is none.
  void AddLine(const v1::Ticket& ticket, std::string_view old, std::string* text);

  const absl::TimeZone zone_;
  const std::function<void()> rest_;
  std::string text_;
  std::vector<Line> lines_;
  // The last time that was formatted, which is most of the work of a line: tickets are often made
  // many in a second.
  int64_t formatted_seconds_ = std::numeric_limits<int64_t>::min();
  std::string formatted_;
};

// Whether `line`, without its newline, has the form of such a line, so that losing it loses nothing
// that the hub does not know. Lines of people and scripts have not. Pure; any thread.
bool IsTicketLine(std::string_view line);

}  // namespace coordhub::mirror
