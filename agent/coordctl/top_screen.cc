#include "agent/coordctl/top_screen.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/base/text.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/ticket_counts.h"
#include "agent/coordctl/time_text.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kShownCommit = 10;
constexpr char kControlC = 3;

const std::vector<std::string> kTicketSorts = {"number", "priority", "state", "holder"};
const std::vector<std::string> kAgentSorts = {"name", "silence", "claims"};
const std::vector<std::string> kBranchSorts = {"name", "moved", "ahead"};

const char* const kHelp[] = {
    "1 2 3, Tab      tickets, agents, branches",
    "up down, j k    select; PageUp, PageDown, Home, End",
    "Enter           look at what is selected; Esc: back",
    "s, r            sort by the next column; the other way round",
    "?               this; any key: back",
    "q, Ctrl-C       quit",
};

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

int64_t NumberOf(const pb::Ticket& ticket) { return ticket.create_revision(); }

// `items` in the order of `less`, those that are equal as they were; the other way if `reverse`.
template <class Item, class Less>
std::vector<Item> Sorted(std::vector<Item> items, const Less& less, bool reverse) {
  std::stable_sort(items.begin(), items.end(),
                   [&](const Item& a, const Item& b) { return reverse ? less(b, a) : less(a, b); });
  return items;
}

}  // namespace

const std::vector<std::string>& TopScreen::SortNames() const {
  switch (view_) {
    case View::kTickets:
      return kTicketSorts;
    case View::kAgents:
      return kAgentSorts;
    case View::kBranches:
      break;
  }
  return kBranchSorts;
}

bool TopScreen::Press(const KeyPress& press, const TopData& data) {
  if (press.key == Key::kOther && (press.character == 'q' || press.character == kControlC)) {
    // From within something, q leads back.
    if (press.character == kControlC || (detail_ == Detail() && !help_)) return false;
    help_ = false;
    detail_ = Detail();
    return true;
  }
  if (std::exchange(help_, false)) return true;
  if (!(detail_ == Detail())) return PressInDetail(press);
  const std::vector<Row> rows = RowsOf(data, absl::InfinitePast());
  const auto page = static_cast<int64_t>(page_);
  switch (press.key) {
    case Key::kUp:
      Move(-1, rows.size());
      break;
    case Key::kDown:
      Move(1, rows.size());
      break;
    case Key::kPageUp:
      Move(-page, rows.size());
      break;
    case Key::kPageDown:
      Move(page, rows.size());
      break;
    case Key::kHome:
      Move(-static_cast<int64_t>(rows.size()), rows.size());
      break;
    case Key::kEnd:
      Move(static_cast<int64_t>(rows.size()), rows.size());
      break;
    case Key::kEnter:
      OpenDetail(rows);
      return true;
    case Key::kTab:
      SetView(static_cast<View>((static_cast<int>(view_) + 1) % 3));
      return true;
    case Key::kEscape:
      return true;
    case Key::kOther:
      if (press.character == 'j') Move(1, rows.size());
      if (press.character == 'k') Move(-1, rows.size());
      if (!PressCharacter(press.character)) return true;
  }
  if (selected_index_ < rows.size()) selected_ = rows[selected_index_].id;
  return true;
}

// False: what was selected has no meaning any more.
bool TopScreen::PressCharacter(char character) {
  switch (character) {
    case '1':
    case '2':
    case '3':
      SetView(static_cast<View>(character - '1'));
      return false;
    case 's':
      sort_[static_cast<int>(view_)] = (sort_[static_cast<int>(view_)] + 1) % SortNames().size();
      return false;
    case 'r':
      reverse_ = !reverse_;
      return false;
    case '?':
      help_ = true;
      return false;
    default:
      return true;
  }
}

bool TopScreen::PressInDetail(const KeyPress& press) {
  const bool down = press.key == Key::kDown || press.character == 'j';
  const bool up = press.key == Key::kUp || press.character == 'k';
  if (press.key == Key::kEscape) {
    detail_ = Detail();
  } else if (down || press.key == Key::kPageDown) {
    detail_scroll_ += down ? 1 : page_;
  } else if (up || press.key == Key::kPageUp) {
    detail_scroll_ -= std::min(detail_scroll_, up ? size_t{1} : page_);
  }
  return true;
}

void TopScreen::Move(int64_t by, size_t count) {
  const int64_t last = std::max<int64_t>(static_cast<int64_t>(count) - 1, 0);
  const int64_t moved = std::clamp<int64_t>(static_cast<int64_t>(selected_index_) + by, 0, last);
  selected_index_ = static_cast<size_t>(moved);
}

void TopScreen::SetView(View view) {
  view_ = view;
  selected_.clear();
  selected_index_ = 0;
  scroll_ = 0;
  reverse_ = false;
}

void TopScreen::OpenDetail(const std::vector<Row>& rows) {
  if (selected_index_ >= rows.size() || view_ == View::kBranches) return;
  detail_scroll_ = 0;
  const std::string& id = rows[selected_index_].id;
  (view_ == View::kTickets ? detail_.ticket_id : detail_.agent_id) = id;
}

std::vector<TopScreen::Row> TopScreen::RowsOf(const TopData& data, absl::Time now) const {
  if (!data.overview.has_value()) return {};
  switch (view_) {
    case View::kTickets:
      return TicketRows(data, now);
    case View::kAgents:
      return AgentRows(data, now);
    case View::kBranches:
      break;
  }
  return BranchRows(data);
}

std::vector<TopScreen::Row> TopScreen::TicketRows(const TopData& data, absl::Time now) const {
  using Less = std::function<bool(const pb::Ticket&, const pb::Ticket&)>;
  const std::vector<Less> orders = {
      [](const auto& a, const auto& b) { return NumberOf(a) < NumberOf(b); },
      [](const auto& a, const auto& b) { return a.priority() < b.priority(); },
      [](const auto& a, const auto& b) { return a.state() < b.state(); },
      // Those that somebody holds come first.
      [](const auto& a, const auto& b) {
        return std::make_pair(!a.has_claim(), a.claim().agent_id()) <
               std::make_pair(!b.has_claim(), b.claim().agent_id());
      }};
  std::vector<Row> rows;
  for (const pb::Ticket& ticket : Sorted(data.tickets, orders[sort_[0]], reverse_)) {
    const std::string percent =
        ticket.progress().has_percent() ? absl::StrCat(ticket.progress().percent(), "%") : "";
    const bool held = ticket.has_claim();
    const bool old = held && now - HeldSince(ticket) > claim_age_;
    rows.push_back(
        {ticket.ticket_id(),
         {{ticket.ticket_id(), Color::kBold},
          {StateName(ticket.state())},
          {absl::StrCat("p", ticket.priority())},
          {ticket.claim().agent_id()},
          {held ? ShowAge(HeldSince(ticket), now) : "", old ? Color::kYellow : Color::kNone},
          {held ? LastWorkText(ticket, now) : ""},
          {percent},
          {ticket.title()}}});
  }
  return rows;
}

std::vector<TopScreen::Row> TopScreen::AgentRows(const TopData& data, absl::Time now) const {
  using Less = std::function<bool(const pb::Agent&, const pb::Agent&)>;
  const std::vector<Less> orders = {
      [](const auto& a, const auto& b) { return a.agent_id() < b.agent_id(); },
      [](const auto& a, const auto& b) {
        return agent::FromProto(a.last_seen_time()) < agent::FromProto(b.last_seen_time());
      },
      [](const auto& a, const auto& b) {
        return a.claimed_ticket_ids_size() > b.claimed_ticket_ids_size();
      }};
  std::vector<Row> rows;
  for (const pb::Agent& agent : Sorted(data.overview->agents.items, orders[sort_[1]], reverse_)) {
    rows.push_back({agent.agent_id(),
                    {{agent.agent_id(), Color::kBold},
                     {StateName(agent.state())},
                     {ShowAge(agent::FromProto(agent.last_seen_time()), now)},
                     {ShowSpan(agent::FromProto(agent.expire_time()) - now)},
                     {agent.branch()},
                     {absl::StrJoin(agent.claimed_ticket_ids(), " ")}}});
  }
  return rows;
}

std::vector<TopScreen::Row> TopScreen::BranchRows(const TopData& data) const {
  using Less = std::function<bool(const pb::Branch&, const pb::Branch&)>;
  const std::vector<Less> orders = {
      [](const auto& a, const auto& b) { return a.branch() < b.branch(); },
      [](const auto& a, const auto& b) { return a.mod_revision() > b.mod_revision(); },
      [](const auto& a, const auto& b) { return a.ahead() > b.ahead(); }};
  std::vector<Row> rows;
  for (const pb::Branch& branch :
       Sorted(data.overview->branches.items, orders[sort_[2]], reverse_)) {
    rows.push_back({branch.branch(),
                    {{branch.branch(), Color::kBold},
                     {branch.commit().substr(0, kShownCommit)},
                     {absl::StrCat("+", branch.ahead(), " -", branch.behind())},
                     {absl::StrCat(branch.changed_path_count())},
                     {branch.owner_agent_id()}}});
  }
  return rows;
}

std::vector<std::string> TopScreen::Header(const Context& context, const TopData& data,
                                           absl::Time now) const {
  Overview overview = *data.overview;
  overview.time = now;  // ages go on between two readings
  std::vector<std::string> lines = LinesOf(HealthText(context, overview));
  size_t soon = 0;
  for (const ClaimDeadline& claim : data.overview->claims) soon += claim.soon ? 1 : 0;
  overview.claim_age = claim_age_;
  size_t old = 0;
  for (const pb::Ticket& ticket : overview.claimed) old += IsOldClaim(overview, ticket) ? 1 : 0;
  const auto called_out = [&context](size_t count, const std::string& what) {
    return count == 0 ? ""
                      : Paint(absl::StrCat("   ", count, what), Color::kYellow, context.color());
  };
  lines.push_back(absl::StrCat("Tickets: ", TicketCounts(overview.hub.workspace()),
                               called_out(soon, " claims end soon"),
                               called_out(old, " held for more than " + ShowSpan(claim_age_))));
  if (!data.trouble.ok()) {
    lines.push_back(
        Paint("waiting for the hub: " + base::TerminalSafe(std::string(data.trouble.message())),
              Color::kRed, context.color()));
  }
  return lines;
}

std::vector<std::string> TopScreen::TabLine(const Context& context, const TopData& data) const {
  const std::pair<const char*, size_t> tabs[] = {
      {"Tickets", data.tickets.size()},
      {"Agents", data.overview->agents.items.size()},
      {"Branches", data.overview->branches.items.size()}};
  std::string line;
  for (size_t i = 0; i < 3; ++i) {
    const bool shown = static_cast<size_t>(view_) == i;
    const std::string tab = absl::StrCat(shown ? "[" : " ", i + 1, " ", tabs[i].first, " (",
                                         tabs[i].second, ")", shown ? "]" : " ", " ");
    absl::StrAppend(&line, Paint(tab, shown ? Color::kBold : Color::kDim, context.color()));
  }
  absl::StrAppend(&line, "  sorted by ", SortNames()[sort_[static_cast<int>(view_)]],
                  reverse_ ? ", reversed" : "");
  return {"", line};
}

std::vector<std::string> TopScreen::Body(const Context& context, const std::vector<Row>& rows,
                                         int columns, size_t room) {
  static const std::vector<std::string> kHeadings[] = {
      {"  TICKET", "STATE", "PRI", "HOLDER", "HELD", "WORK SEEN", "DONE", "TITLE"},
      {"  AGENT", "STATE", "HEARD", "LEFT", "BRANCH", "CLAIMS"},
      {"  BRANCH", "HEAD", "TARGET", "FILES", "OWNER"}};
  // The selection goes with its row; when that is gone, to the one in its place.
  for (size_t i = 0; i < rows.size() && !selected_.empty(); ++i) {
    if (rows[i].id == selected_) selected_index_ = i;
  }
  selected_index_ = std::min(selected_index_, rows.empty() ? 0 : rows.size() - 1);
  page_ = room > 1 ? room - 1 : 1;  // the headings take a line
  // A screen that has grown, or rows that have gone, leave no room empty.
  scroll_ = std::min(scroll_, rows.size() > page_ ? rows.size() - page_ : 0);
  if (selected_index_ < scroll_) scroll_ = selected_index_;
  if (selected_index_ >= scroll_ + page_) scroll_ = selected_index_ - page_ + 1;
  Table table(kHeadings[static_cast<int>(view_)], /*is_terminal=*/true, context.color(), columns);
  for (size_t i = scroll_; i < std::min(rows.size(), scroll_ + page_); ++i) {
    std::vector<Cell> cells = rows[i].cells;
    cells[0].text = (i == selected_index_ ? "> " : "  ") + cells[0].text;
    if (i == selected_index_) cells[0].color = Color::kGreen;
    table.Add(std::move(cells));
  }
  return table.empty() ? std::vector<std::string>{"  nothing"} : LinesOf(table.Render());
}

std::vector<std::string> TopScreen::DetailLines(const Context& context, const TopData& data,
                                                absl::Time now, size_t room) {
  std::string text = "reading ...\n";
  if (data.ticket.has_value() && data.ticket->ticket().ticket_id() == detail_.ticket_id) {
    text = TicketText(context, data.ticket->ticket(), data.ticket->body(),
                      {data.ticket->comments().begin(), data.ticket->comments().end()});
  } else if (data.agent.has_value() && data.agent->agent().agent_id() == detail_.agent_id) {
    text = AgentText(context, data.agent->agent(),
                     {data.agent->claims().begin(), data.agent->claims().end()}, now);
  }
  std::vector<std::string> lines = LinesOf(text);
  page_ = std::max<size_t>(room, 1);
  detail_scroll_ = std::min(detail_scroll_, lines.size() > page_ ? lines.size() - page_ : 0);
  lines.erase(lines.begin(), lines.begin() + static_cast<int64_t>(detail_scroll_));
  return lines;
}

std::vector<std::string> TopScreen::Render(const Context& context, const TopData& data,
                                           absl::Time now, int columns, int rows) {
  const auto height = static_cast<size_t>(std::max(rows, 2));
  std::vector<std::string> lines;
  if (!data.overview.has_value()) {
    lines.push_back(data.trouble.ok()
                        ? "reading ..."
                        : "waiting for the hub: " +
                              base::TerminalSafe(std::string(data.trouble.message())));
  } else if (help_) {
    lines.assign(std::begin(kHelp), std::end(kHelp));
  } else {
    lines = Header(context, data, now);
    const bool in_detail = !(detail_ == Detail());
    std::vector<std::string> tabs =
        in_detail ? std::vector<std::string>{""} : TabLine(context, data);
    lines.insert(lines.end(), tabs.begin(), tabs.end());
    // On a screen that is too small for both, what is looked at matters more than the header.
    static constexpr size_t kLeastBody = 4;
    if (lines.size() + kLeastBody + 1 > height) {
      lines.resize(height > kLeastBody + 1 ? height - kLeastBody - 1 : 0);
    }
    const size_t room = height - 1 - lines.size();
    const std::vector<std::string> body = in_detail
                                              ? DetailLines(context, data, now, room)
                                              : Body(context, RowsOf(data, now), columns, room);
    lines.insert(lines.end(), body.begin(), body.end());
  }
  lines.resize(height - 1);
  lines.push_back(Paint(detail_ == Detail()
                            ? "q quit   Enter look   Tab next   s sort   r reverse   ? help"
                            : "Esc back   up down scroll   Ctrl-C quit",
                        Color::kDim, context.color()));
  return lines;
}

}  // namespace coordhub::coordctl
