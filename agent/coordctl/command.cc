#include "agent/coordctl/command.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <ostream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/text.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/ticket_ref.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {

CLI::App* AddCommand(CLI::App* parent, const std::string& name, const std::string& description,
                     const std::string& examples) {
  CLI::App* command = parent->add_subcommand(name, description);
  command->fallthrough();  // global options may stand anywhere
  std::string footer = "Examples:\n";
  size_t begin = 0;
  while (begin < examples.size()) {
    const size_t end = std::min(examples.find('\n', begin), examples.size());
    absl::StrAppend(&footer, "  ", examples.substr(begin, end - begin), "\n");
    begin = end + 1;
  }
  command->footer(footer + "Options of every command, and exit codes: coordctl --help");
  return command;
}

void OnRun(CLI::App* command, Context* context, Context::Run run) {
  command->callback([command, context, run = std::move(run)] {
    // CLI11 calls a subcommand first, then those above it.
    if (!command->get_subcommands().empty()) return;
    context->set_run(run);
    context->set_repeatable(command->get_option_no_throw("--request-id") != nullptr);
  });
}

CLI::Option* AddListOption(CLI::App* command, const std::string& name,
                           std::vector<std::string>* values, const std::string& description) {
  return command->add_option(name, *values, description)->allow_extra_args(false)->delimiter(',');
}

CLI::Option* AddChoice(CLI::App* command, const std::string& name, std::string* value,
                       const std::vector<std::string>& choices, const std::string& description) {
  return command->add_option(name, *value, description)->check(CLI::IsMember(choices));
}

CLI::Option* TakeTicketIds(CLI::Option* option) {
  const auto complete = [](std::string& value) {
    const size_t end = std::min(value.find(':'), value.size());
    value = FullTicketId(value.substr(0, end)) + value.substr(end);
    return std::string();
  };
  // Without a description, which would show in --help as the option's type.
  return option->transform(CLI::Validator(complete, ""));
}

CLI::Option* AddStateOption(CLI::App* command, std::vector<std::string>* values,
                            const std::vector<std::string>& names, const std::string& description) {
  CLI::Option* option = AddListOption(command, "--state", values, description);
  const auto no_state = [command](std::string& value) -> std::string {
    const bool has_all = command->get_option_no_throw("--all") != nullptr;
    if (!has_all || absl::AsciiStrToLower(value) != "all") return "";
    return "all is no state; all of them are listed with --all";
  };
  return option->check(CLI::Validator(no_state, ""))->check(CLI::IsMember(names, CLI::ignore_case));
}

void AddRequestId(CLI::App* command, Context* context) {
  command->add_option("--request-id", context->globals().request_id,
                      "Under this id it happens once, however often it is repeated; up to 64 of "
                      "[A-Za-z0-9._:-]; default: a new one");
}

absl::StatusOr<std::string> TextOrFile(Context& context, const std::string& text,
                                       const std::string& file, const std::string& option) {
  static constexpr size_t kMaxBytes = 1 << 20;
  if (file.empty()) return text;
  return ReadInput(context, file, kMaxBytes, option);
}

absl::StatusOr<std::string> ReadInput(Context& context, const std::string& file, size_t max_bytes,
                                      const std::string& option) {
  std::ifstream opened;
  std::istream* in = context.host().in;
  if (file != "-") {
    const bool absolute = file[0] == '/';
    opened.open(absolute ? file : context.host().directory + "/" + file, std::ios::binary);
    if (!opened) return base::MakeFieldError(option, file + " cannot be opened");
    in = &opened;
  }
  std::string content;
  char buffer[65536];
  while (in->read(buffer, sizeof(buffer)) || in->gcount() > 0) {
    content.append(buffer, static_cast<size_t>(in->gcount()));
    if (content.size() > max_bytes) {
      return base::MakeFieldError(option,
                                  absl::StrCat(file, " has more than ", max_bytes, " bytes"));
    }
  }
  if (in->bad()) return base::MakeFieldError(option, file + " cannot be read");
  return content;
}

void PrintTicketAnswer(Context& context, const google::protobuf::Message& answer,
                       const pb::Ticket& ticket) {
  if (context.json()) {
    context.out() << ToJson(answer, context.host().out_is_terminal) << "\n";
  } else if (context.terminal()) {
    context.out() << Paint(ticket.ticket_id(), Color::kBold, context.color()) << " "
                  << StateName(ticket.state()) << "  " << base::TerminalSafe(ticket.title())
                  << "\n";
  } else {
    context.out() << TicketTable(context, {ticket}).Render();
  }
}

}  // namespace coordhub::coordctl
