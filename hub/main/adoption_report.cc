#include "hub/main/adoption_report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/text.h"

namespace coordhub::hub {
namespace {

constexpr size_t kTitleBytes = 90;
// A ticket whose line names no priority gets this one.
constexpr int kDefaultPriority = 2;

int PriorityOf(const v1::TicketSpec& spec) {
  return spec.has_priority() ? spec.priority() : kDefaultPriority;
}

std::string Shown(const std::string& text) {
  return base::TerminalSafe(base::OneLine(text, kTitleBytes));
}

void AppendLines(const Adoption& adoption, size_t max_lines, std::string* out) {
  if (adoption.lines.empty()) return;
  absl::StrAppendFormat(out, "%6s  %-7s %-4s %s\n", "LINE", "BECOMES", "PRI", "TITLE");
  size_t shown = 0;
  for (const AdoptedLine& line : adoption.lines) {
    if (++shown > max_lines) {
      absl::StrAppend(out, "        ... and ", adoption.lines.size() - max_lines,
                      " lines more (--json has all)\n");
      break;
    }
    if (line.ticket.has_value()) {
      absl::StrAppendFormat(out, "%6d  %-7s %-4s %s\n", line.number, "OPEN",
                            absl::StrCat("p", PriorityOf(*line.ticket)),
                            Shown(line.ticket->title()));
    } else {
      absl::StrAppendFormat(out, "%6d  %-7s %-4s %s  (%s)\n", line.number, "-", "",
                            Shown(line.text), Shown(line.why));
    }
  }
  absl::StrAppend(out, "\n");
}

std::string Count(int64_t count, const char* one, const char* many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

void AppendLoops(const Adoption& adoption, std::string* out) {
  for (const OldLoop& loop : adoption.running) {
    absl::StrAppend(
        out, "A loop of the old scripts runs: pid ", loop.pid, ", by ",
        base::TerminalSafe(loop.pid_file),
        loop.directory.empty() ? "" : absl::StrCat(", in ", base::TerminalSafe(loop.directory)),
        ". It may write beside the hub; stop it: kill ", loop.pid, "\n");
  }
}

nlohmann::ordered_json LinesJson(const Adoption& adoption) {
  nlohmann::ordered_json lines = nlohmann::ordered_json::array();
  for (const AdoptedLine& line : adoption.lines) {
    nlohmann::ordered_json object = {{"line", line.number}, {"text", line.text}};
    if (line.ticket.has_value()) {
      object["title"] = line.ticket->title();
      object["state"] = "OPEN";
      object["priority"] = PriorityOf(*line.ticket);
    } else {
      object["why_not"] = line.why;
    }
    lines.push_back(std::move(object));
  }
  return lines;
}

}  // namespace

std::string AdoptionText(const Adoption& adoption, size_t max_lines) {
  std::string out = absl::StrCat(base::TerminalSafe(adoption.directory), ":\n");
  if (!adoption.exists) absl::StrAppend(&out, "There is no such directory.\n");
  AppendLines(adoption, max_lines, &out);
  absl::StrAppend(&out, Count(adoption.tickets, "ticket", "tickets"), " to import");
  if (adoption.not_tickets() > 0) {
    absl::StrAppend(&out, "; ", Count(adoption.not_tickets(), "line", "lines"),
                    " that cannot be read as a ticket, to be kept in .rejected/");
  }
  if (adoption.own_lines > 0) {
    absl::StrAppend(&out, "; ", Count(adoption.own_lines, "line", "lines"),
                    " of a hub, whose tickets it knows");
  }
  absl::StrAppend(&out, ".\n");
  if (!adoption.inbox.empty()) {
    absl::StrAppend(&out, Count(static_cast<int64_t>(adoption.inbox.size()), "file", "files"),
                    " in inbox/ to import as well.\n");
  }
  if (adoption.temporary_status) {
    absl::StrAppend(&out, "status.md.tmp is what a killed daemon left, and means nothing.\n");
  }
  if (adoption.foreign_convergence) {
    absl::StrAppend(
        &out,
        "convergence.md was kept by hand, and goes to .rejected/: the hub has that file "
        "only while a round is open.\n");
  }
  AppendLoops(adoption, &out);
  return out;
}

std::string AdoptionJson(const Adoption& adoption, const AdoptionResult& result) {
  nlohmann::ordered_json loops = nlohmann::ordered_json::array();
  for (const OldLoop& loop : adoption.running) {
    loops.push_back(
        {{"pid", loop.pid}, {"pid_file", loop.pid_file}, {"directory", loop.directory}});
  }
  nlohmann::ordered_json imported = nlohmann::ordered_json::array();
  for (const Imported& one : result.imported) {
    imported.push_back({{"line", one.line}, {"ticket_id", one.ticket_id}});
  }
  const nlohmann::ordered_json object = {{"directory", adoption.directory},
                                         {"exists", adoption.exists},
                                         {"lines", LinesJson(adoption)},
                                         {"tickets", adoption.tickets},
                                         {"not_tickets", adoption.not_tickets()},
                                         {"own_lines", adoption.own_lines},
                                         {"inbox", adoption.inbox},
                                         {"temporary_status", adoption.temporary_status},
                                         {"foreign_convergence", adoption.foreign_convergence},
                                         {"running_loops", loops},
                                         {"adopted", result.adopted},
                                         {"backup", result.backup},
                                         {"imported", imported}};
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace coordhub::hub
