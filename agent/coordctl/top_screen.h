// What `coordctl top` shows, and what its keys do.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/coordctl/context.h"
#include "agent/coordctl/overview.h"
#include "agent/coordctl/raw_terminal.h"

namespace coordhub::coordctl {

// What was read last. Immutable once it is published.
struct TopData {
  std::optional<Overview> overview;
  std::vector<pb::Ticket> tickets;  // unfinished
  // What somebody looks at closely, if it still exists.
  std::optional<pb::GetTicketResponse> ticket;
  std::optional<pb::GetAgentResponse> agent;
  // Why there is nothing newer; OK: there is.
  absl::Status trouble;
};

// The screen's own state: which view, what is selected, how it is sorted. Pure; not thread-safe.
class TopScreen {
 public:
  enum class View { kTickets, kAgents, kBranches };
  // Of whom the details are to be read; both empty: of nobody.
  struct Detail {
    std::string ticket_id;
    std::string agent_id;
    bool operator==(const Detail& other) const {
      return ticket_id == other.ticket_id && agent_id == other.agent_id;
    }
  };

  // Claims that are older than `claim_age` are called out.
  explicit TopScreen(absl::Duration claim_age = kClaimAge) : claim_age_(claim_age) {}

  // Takes a key. False: quit.
  bool Press(const KeyPress& press, const TopData& data);
  // The lines for a screen of this size. `now`: for what is counted in time.
  std::vector<std::string> Render(const Context& context, const TopData& data, absl::Time now,
                                  int columns, int rows);

  const Detail& detail() const { return detail_; }
  View view() const { return view_; }

 private:
  // A line of the view that is shown: what it is about, and its cells.
  struct Row {
    std::string id;
    std::vector<Cell> cells;
  };
  void Move(int64_t by, size_t count);
  void SetView(View view);
  bool PressInDetail(const KeyPress& press);
  bool PressCharacter(char character);
  void OpenDetail(const std::vector<Row>& rows);
  std::vector<Row> RowsOf(const TopData& data, absl::Time now) const;
  std::vector<Row> TicketRows(const TopData& data, absl::Time now) const;
  std::vector<Row> AgentRows(const TopData& data, absl::Time now) const;
  std::vector<Row> BranchRows(const TopData& data) const;
  std::vector<std::string> Header(const Context& context, const TopData& data,
                                  absl::Time now) const;
  std::vector<std::string> TabLine(const Context& context, const TopData& data) const;
  std::vector<std::string> Body(const Context& context, const std::vector<Row>& rows, int columns,
                                size_t room);
  std::vector<std::string> DetailLines(const Context& context, const TopData& data, absl::Time now,
                                       size_t room);
  const std::vector<std::string>& SortNames() const;

  const absl::Duration claim_age_;
  View view_ = View::kTickets;
  size_t sort_[3] = {0, 0, 0};  // by view: an index into SortNames
  bool reverse_ = false;
  std::string selected_;  // its id, so that it stays selected when rows move
  size_t selected_index_ = 0;
  size_t scroll_ = 0;  // first row shown
  size_t detail_scroll_ = 0;
  size_t page_ = 1;  // rows that the last screen had room for
  Detail detail_;
  bool help_ = false;
};

}  // namespace coordhub::coordctl
