#include "hub/mirror/foreign_line.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"
#include "google/protobuf/util/json_util.h"
#include "hub/core/limits.h"
#include "hub/core/records.h"
#include "hub/core/validate.h"
#include "hub/mirror/names.h"

namespace coordhub::mirror {
namespace {

namespace limits = core::limits;

constexpr std::string_view kSpace = " \t\r\v\f";

std::string_view TrimLeft(std::string_view s) {
  s.remove_prefix(std::min(s.find_first_not_of(kSpace), s.size()));
  return s;
}

std::string_view Trim(std::string_view s) {
  s = TrimLeft(s);
  while (!s.empty() && kSpace.find(s.back()) != std::string_view::npos) s.remove_suffix(1);
  return s;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes `word` and the space after it off the front of `s`.
bool TakeWord(std::string_view word, std::string_view* s) {
  if (s->substr(0, word.size()) != word) return false;
  if (s->size() > word.size() && kSpace.find((*s)[word.size()]) == std::string_view::npos) {
    return false;
  }
  *s = TrimLeft(s->substr(word.size()));
  return true;
}

void TakeBullet(std::string_view* s) {
  for (const std::string_view mark : {"-", "*", "+"}) {
    if (TakeWord(mark, s)) return;
  }
  const size_t digits = std::min(s->find_first_not_of("0123456789"), s->size());
  if (digits == 0 || digits > 9 || digits == s->size()) return;
  if ((*s)[digits] != '.' && (*s)[digits] != ')') return;
  std::string_view rest = *s;
  if (TakeWord(s->substr(0, digits + 1), &rest)) *s = rest;
}

// "[2025-07-29 12:00:00]", with T, without seconds, with a zone: whatever a script's date prints,
// if it begins with a day.
void TakeTimestamp(std::string_view* s) {
  constexpr std::string_view kDay = "[dddd-dd-dd";
  if (s->size() < kDay.size()) return;
  for (size_t i = 0; i < kDay.size(); ++i) {
    const bool fits = kDay[i] == 'd' ? IsDigit((*s)[i]) : (*s)[i] == kDay[i];
    if (!fits) return;
  }
  const size_t end = s->find(']');
  constexpr size_t kTimestampMax = 40;
  if (end == std::string_view::npos || end > kTimestampMax) return;
  *s = TrimLeft(s->substr(end + 1));
}

void TakeTicketWord(std::string_view* s) {
  constexpr std::string_view kWord = "ticket:";
  if (s->size() < kWord.size()) return;
  for (size_t i = 0; i < kWord.size(); ++i) {
    if (((*s)[i] | 0x20) != (kWord[i] | 0x20)) return;
  }
  *s = TrimLeft(s->substr(kWord.size()));
}

std::optional<v1::Ticket::State> TakeState(std::string_view* s) {
  for (int state = v1::Ticket::State_MIN; state <= v1::Ticket::State_MAX; ++state) {
    if (state == v1::Ticket::STATE_UNSPECIFIED || !v1::Ticket::State_IsValid(state)) continue;
    const auto taken = static_cast<v1::Ticket::State>(state);
    if (TakeWord(StateName(taken), s)) return taken;
  }
  return std::nullopt;
}

bool IsFinished(v1::Ticket::State state) {
  return std::find(kFinishedStates.begin(), kFinishedStates.end(), state) != kFinishedStates.end();
}

std::optional<int> TakePriority(std::string_view* s) {
  for (int priority = 0; priority <= limits::kPriorityMax; ++priority) {
    const std::array<char, 2> word = {'p', static_cast<char>('0' + priority)};
    if (TakeWord({word.data(), word.size()}, s)) return priority;
  }
  return std::nullopt;
}

// Takes "T-17"; 0 when none is there.
int64_t TakeTicketId(std::string_view* s) {
  const size_t end = std::min(s->find_first_of(kSpace), s->size());
  const int64_t number = core::TicketNumber(s->substr(0, end));
  if (number > 0) *s = TrimLeft(s->substr(end));
  return number;
}

// The hub escaped what stands behind an id; nobody else does.
std::string Unescape(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    const bool escape = s[i] == '\\' && i + 1 < s.size() && static_cast<signed char>(s[i + 1]) > 0;
    if (escape) ++i;
    out += s[i];
  }
  return out;
}

bool IsDecoration(std::string_view s) {
  const size_t hashes = std::min(s.find_first_not_of('#'), s.size());
  if (hashes > 0 && hashes <= 6 && (hashes == s.size() || s[hashes] == ' ')) return true;
  if (s.substr(0, 4) == "<!--" || s.substr(0, 3) == "```" || s.substr(0, 3) == "~~~") return true;
  return s.size() >= 3 && s.find_first_not_of(s[0]) == std::string_view::npos &&
         std::string_view("-*_=").find(s[0]) != std::string_view::npos;
}

ForeignLine Unreadable(std::string why) {
  ForeignLine line;
  line.kind = ForeignLine::Kind::kUnreadable;
  line.why = std::move(why);
  return line;
}

// Title, and body when the title does not hold it all.
void SetText(std::string_view text, ForeignLine* line) {
  const std::string whole = base::OneLine(text, text.size());
  line->spec.set_title(base::OneLine(whole, limits::kTitleBytes));
  if (line->spec.title() == whole) return;
  line->spec.set_body(base::OneLine(whole, limits::kTextBytes));
  line->cut = line->spec.body() != whole;
}

ForeignLine Checked(ForeignLine line) {
  v1::CreateTicketRequest request;
  *request.mutable_spec() = line.spec;
  const absl::Status status = core::Validate(request);
  return status.ok() ? line : Unreadable(std::string(status.message()));
}

ForeignLine ReadJson(std::string_view text, int64_t last_ticket_number) {
  ForeignLine line;
  line.kind = ForeignLine::Kind::kTicket;
  const auto parsed = google::protobuf::util::JsonStringToMessage(std::string(text), &line.spec);
  if (!parsed.ok()) return Unreadable("no ticket in JSON: " + parsed.ToString());
  // Nothing that the hub would refuse may get into a batch: all its lines would wait for ever.
  bool known = true;
  const auto require = [&](const std::string& ticket_id) {
    const int64_t number = core::TicketNumber(ticket_id);
    known = known && number > 0 && number <= last_ticket_number;
  };
  for (const v1::Dependency& dependency : line.spec.dependencies()) require(dependency.ticket_id());
  if (!line.spec.parent_ticket_id().empty()) require(line.spec.parent_ticket_id());
  if (!known) return Unreadable("it refers to a ticket that does not exist");
  if (line.spec.body().empty()) SetText(std::string(line.spec.title()), &line);
  return Checked(std::move(line));
}

}  // namespace

ForeignLine ReadForeignLine(std::string_view raw, LineForm form, int64_t last_ticket_number) {
  std::string_view text = Trim(raw);
  if (text.empty()) return {};
  if (text.find('\0') != std::string_view::npos || !base::IsValidUtf8(text)) {
    return Unreadable("no text: it is not valid UTF-8");
  }
  if (form == LineForm::kJson) return ReadJson(text, last_ticket_number);
  if (IsDecoration(text)) return Unreadable("a heading, rule or comment");

  TakeBullet(&text);
  if (TakeWord("[x]", &text) || TakeWord("[X]", &text)) return Unreadable("it is ticked off");
  TakeWord("[ ]", &text);
  TakeTimestamp(&text);
  TakeTicketWord(&text);

  ForeignLine line;
  line.kind = ForeignLine::Kind::kTicket;
  std::string_view rest = text;
  const int64_t number = TakeTicketId(&rest);
  const std::optional<v1::Ticket::State> state = TakeState(&rest);
  const std::optional<int> priority = TakePriority(&rest);
  if (number > 0 && !state.has_value()) {
    SetText(text, &line);  // a text that speaks of a ticket
  } else if (number > 0 && number <= last_ticket_number) {
    line.kind = ForeignLine::Kind::kOwn;
    return line;
  } else {
    // Without a priority a word that reads like a state is one of the text.
    const bool marked = priority.has_value();
    if (state.has_value() && IsFinished(*state) && (marked || number > 0)) {
      return Unreadable(absl::StrCat("it is finished: ", base::ToAbsl(StateName(*state))));
    }
    if (marked) line.spec.set_priority(*priority);
    SetText(number > 0 ? Unescape(rest) : std::string(marked ? rest : text), &line);
  }
  if (line.spec.title().empty()) return Unreadable("it has no title");
  return Checked(std::move(line));
}

}  // namespace coordhub::mirror
