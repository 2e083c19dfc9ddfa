#include <algorithm>
#include <set>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/ticket_spec_options.h"
#include "agent/coordctl/ticket_ref.h"

namespace coordhub::coordctl {
namespace {

// Fields of the contract that --clear may name, and the option that sets each.
struct Field {
  const char* name;
  const char* option;
};
constexpr Field kFields[] = {{"title", "--title"},
                             {"body", "--body"},
                             {"body", "--body-file"},
                             {"priority", "--priority"},
                             {"labels", "--label"},
                             {"paths", "--path"},
                             {"dependencies", "--depends"},
                             {"parent_ticket_id", "--parent"},
                             {"assignee_agent_id", "--assignee"},
                             {"not_before", "--not-before"},
                             {"max_attempts", "--max-attempts"}};

struct Options {
  std::string ticket;
  TicketSpecOptions spec;
  std::vector<std::string> add_labels;
  std::vector<std::string> remove_labels;
  std::vector<std::string> clear;
  int64_t expected_revision = 0;
  std::vector<std::string> given;  // fields that options set, each once
};

// Losing a race this often in a row means that something else is wrong.
constexpr int kMaxAttempts = 10;

absl::StatusOr<pb::UpdateTicketRequest> RequestOf(Context& context, const Options& options) {
  pb::UpdateTicketRequest request;
  COORDHUB_ASSIGN_OR_RETURN(*request.mutable_ticket_id(), ResolveTicket(context, options.ticket));
  COORDHUB_RETURN_IF_ERROR(options.spec.Fill(context, request.mutable_spec()));
  request.set_expected_revision(options.expected_revision);
  std::set<std::string> mask(options.given.begin(), options.given.end());
  for (const std::string& field : options.clear) {
    if (!mask.insert(field).second) {
      return base::MakeFieldError("--clear", field + " is set and cleared at once");
    }
  }
  for (const std::string& field : mask) request.mutable_update_mask()->add_paths(field);
  return request;
}

// Puts the labels as they are now, with those of the options added and removed, into the request,
// bound to the revision at which they were read.
absl::Status EditLabels(const agent::Client& client, const Options& options,
                        pb::UpdateTicketRequest* request) {
  pb::GetTicketRequest get;
  get.set_ticket_id(request->ticket_id());
  COORDHUB_ASSIGN_OR_RETURN(const pb::GetTicketResponse now, client.GetTicket(get));
  std::set<std::string> labels(now.ticket().labels().begin(), now.ticket().labels().end());
  labels.insert(options.add_labels.begin(), options.add_labels.end());
  for (const std::string& label : options.remove_labels) labels.erase(label);
  request->mutable_spec()->clear_labels();
  for (const std::string& label : labels) request->mutable_spec()->add_labels(label);
  if (options.expected_revision == 0) {
    request->set_expected_revision(now.ticket().mod_revision());
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> Update(Context& context, const Options& options) {
  COORDHUB_ASSIGN_OR_RETURN(pb::UpdateTicketRequest request, RequestOf(context, options));
  const bool edits_labels = !options.add_labels.empty() || !options.remove_labels.empty();
  if (edits_labels) request.mutable_update_mask()->add_paths("labels");
  if (request.update_mask().paths().empty()) {
    return base::MakeFieldError("TICKET", "nothing to change: name at least one field");
  }
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  // Editing labels is safe to repeat as it is, and each attempt says something else.
  if (edits_labels) context.set_repeatable(false);
  for (int attempts = 1;; ++attempts) {
    if (edits_labels) COORDHUB_RETURN_IF_ERROR(EditLabels(client, options, &request));
    if (attempts > 1) request.set_request_id(context.host().ids->NewUid());
    const auto response = client.UpdateTicket(request);
    // Somebody changed the ticket between our reading and our writing: read again.
    const bool lost_race =
        base::ReasonOf(response.status()) == pb::ERROR_REASON_REVISION_MISMATCH && edits_labels &&
        options.expected_revision == 0;
    if (lost_race && attempts < kMaxAttempts) continue;
    if (!response.ok()) return response.status();
    PrintTicketAnswer(context, *response, response->ticket());
    return ExitCode::kOk;
  }
}

}  // namespace

void AddTicketUpdate(CLI::App* ticket, Context* context) {
  CLI::App* command =
      AddCommand(ticket, "update", "Change what a ticket is; only the fields that are given",
                 "coordctl ticket update T-17 -p p0 --add-label urgent\n"
                 "coordctl ticket update T-17 --depends T-3 --expect-revision 42\n"
                 "coordctl ticket update T-17 --clear assignee_agent_id");
  auto options = std::make_shared<Options>();
  TakeTicketIds(command->add_option("TICKET", options->ticket, "Default: $COORDHUB_TICKET"));
  options->spec.AddTo(command);
  AddListOption(command, "--add-label", &options->add_labels, "Add this label; may be repeated")
      ->excludes("--label");
  AddListOption(command, "--remove-label", &options->remove_labels,
                "Take this label away; may be repeated")
      ->excludes("--label");
  AddRequestId(command, context);
  for (const char* edit : {"--add-label", "--remove-label"}) {
    command->get_option("--request-id")->excludes(edit);
  }
  std::vector<std::string> names;
  for (const Field& field : kFields) {
    if (names.empty() || names.back() != field.name) names.push_back(field.name);
  }
  AddListOption(command, "--clear", &options->clear, "Empty this field; may be repeated")
      ->check(CLI::IsMember(names));
  command->add_option("--expect-revision", options->expected_revision,
                      "Refuse unless the ticket last changed at this revision");
  OnRun(command, context, [options, command](Context& c) {
    for (const Field& field : kFields) {
      if (command->count(field.option) > 0) options->given.push_back(field.name);
    }
    return Update(c, *options);
  });
}

}  // namespace coordhub::coordctl
