#include "agent/coordctl/commands/ticket_spec_options.h"

#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {

void TicketSpecOptions::AddTo(CLI::App* command) {
  command->add_option("--title", title, "One line, up to 512 bytes");
  command->add_option("--body", body, "The long text, up to 64 KiB");
  command->add_option("--body-file", body_file, "The same from a file; - is standard input");
  command->add_option("--priority,-p", priority, "p0 (first) to p4 (last)");
  AddListOption(command, "--label,-l", &labels, "A label; may be repeated");
  AddListOption(command, "--path", &paths, "A path pattern that the work touches; may be repeated");
  TakeTicketIds(AddListOption(
      command, "--depends", &depends,
      "A ticket that must be done first (T-3), or whose work must be on the target first "
      "(T-3:integrated); may be repeated"));
  TakeTicketIds(command->add_option("--parent", parent, "The ticket that this one is part of"));
  command->add_option("--assignee", assignee, "Only this agent may claim it");
  command->add_option("--not-before", not_before,
                      "Not before a time (2025-08-01T12:00:00Z) or a span from now (2h)");
  command->add_option("--max-attempts", max_attempts, "Attempts before it is buried, 1 to 100");
}

absl::Status TicketSpecOptions::Fill(Context& context, pb::TicketSpec* spec) const {
  spec->set_title(title);
  COORDHUB_ASSIGN_OR_RETURN(*spec->mutable_body(),
                            TextOrFile(context, body, body_file, "--body-file"));
  if (!priority.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(const int parsed, ParsePriority(priority, "--priority"));
    spec->set_priority(parsed);
  }
  for (const std::string& label : labels) spec->add_labels(label);
  for (const std::string& path : paths) spec->add_paths(path);
  for (const std::string& depend : depends) {
    COORDHUB_ASSIGN_OR_RETURN(*spec->add_dependencies(), ParseDependency(depend));
  }
  spec->set_parent_ticket_id(parent);
  spec->set_assignee_agent_id(assignee);
  if (!not_before.empty()) {
    COORDHUB_ASSIGN_OR_RETURN(const absl::Time time,
                              ParseTime(not_before, context.host().clock->Wall(), "--not-before"));
    *spec->mutable_not_before() = agent::ToProto(time);
  }
  spec->set_max_attempts(max_attempts);
  return absl::OkStatus();
}

absl::StatusOr<int> ParsePriority(const std::string& text, const std::string& option) {
  const size_t digit = text.size() == 2 && (text[0] == 'p' || text[0] == 'P') ? 1 : 0;
  if (text.size() == digit + 1 && text[digit] >= '0' && text[digit] <= '4') {
    return text[digit] - '0';
  }
  return base::MakeFieldError(option, "\"" + text + "\" is none of p0, p1, p2, p3, p4");
}

absl::StatusOr<pb::Dependency> ParseDependency(const std::string& text) {
  pb::Dependency dependency;
  const size_t colon = text.find(':');
  dependency.set_ticket_id(text.substr(0, colon));
  dependency.set_until(pb::Dependency::UNTIL_DONE);
  if (colon == std::string::npos) return dependency;
  const std::string until = text.substr(colon + 1);
  if (until == "integrated") {
    dependency.set_until(pb::Dependency::UNTIL_INTEGRATED);
  } else if (until != "done") {
    return base::MakeFieldError("--depends", "\"" + until + "\" is neither done nor integrated");
  }
  return dependency;
}

}  // namespace coordhub::coordctl
