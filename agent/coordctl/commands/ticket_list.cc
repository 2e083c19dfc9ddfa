#include <ostream>

#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  std::vector<std::string> states;
  std::vector<std::string> labels;
  std::string holder;
  std::string assignee;
  std::string parent;
  bool mine = false;
  bool all = false;
  bool newest = false;
  bool archived = false;
  size_t limit = 0;
};

absl::Status FillStates(const Options& options, pb::ListTicketsRequest* request) {
  for (const std::string& state : options.states) {
    COORDHUB_ASSIGN_OR_RETURN(const pb::Ticket::State parsed, ParseTicketState(state, "--state"));
    request->add_states(parsed);
  }
  if (!options.states.empty() || options.all || options.archived) return absl::OkStatus();
  for (const auto state : {pb::Ticket::STATE_OPEN, pb::Ticket::STATE_CLAIMED,
                           pb::Ticket::STATE_BLOCKED, pb::Ticket::STATE_BURIED}) {
    request->add_states(state);
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> List(Context& context, const Options& options) {
  pb::ListTicketsRequest request;
  COORDHUB_RETURN_IF_ERROR(FillStates(options, &request));
  for (const std::string& label : options.labels) request.add_labels(label);
  request.set_holder_agent_id(options.holder);
  request.set_assignee_agent_id(options.assignee);
  request.set_parent_ticket_id(options.parent);
  request.set_descending(options.newest);
  request.set_archived(options.archived);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client,
                            options.mine ? context.Connect() : context.ConnectToRead());
  if (options.mine) {
    COORDHUB_ASSIGN_OR_RETURN(const pb::GetHubResponse hub, client.GetHub({}));
    request.set_holder_agent_id(hub.caller());
  }
  COORDHUB_ASSIGN_OR_RETURN(const agent::TicketListing listing,
                            agent::ListAllTickets(client, request, options.limit));
  if (context.json()) {
    context.out() << ToJsonArray(listing.tickets, context.host().out_is_terminal);
  } else {
    context.out() << TicketTable(context, listing.tickets).Render();
  }
  return ExitCode::kOk;
}

}  // namespace

void AddTicketList(CLI::App* ticket, Context* context) {
  CLI::App* command = AddCommand(
      ticket, "list",
      "List tickets, by number; those that still need something unless --state or --all is given. "
      "Columns: id, state, priority, holder, fence, labels, title",
      "coordctl ticket list\n"
      "coordctl ticket list --state open,blocked --label parser\n"
      "coordctl ticket list --all --json | jq '.[].title'\n"
      "coordctl ticket list --all --newest --limit 20\n"
      "coordctl ticket list --archived --newest --limit 20\n"
      "coordctl ticket list --mine | cut -f1,5");
  auto options = std::make_shared<Options>();
  AddStateOption(command, &options->states, TicketStateNames(),
                 "Only these states; may be repeated");
  AddListOption(command, "--label,-l", &options->labels, "Only with this label; may be repeated");
  command->add_option("--holder", options->holder, "Only what this agent holds");
  command->add_flag("--mine", options->mine, "Only what you hold")->excludes("--holder");
  command->add_option("--assignee", options->assignee, "Only what is assigned to this agent");
  TakeTicketIds(command->add_option("--parent", options->parent, "Only children of this ticket"));
  command->add_flag("--all,-a", options->all, "Finished ones, too");
  command
      ->add_flag("--archived", options->archived,
                 "Only finished ones that left the hub's memory; without it, none of them")
      ->excludes("--mine", "--holder");
  command->add_flag("--newest", options->newest, "The newest first");
  command->add_option("--limit,-n", options->limit, "At most so many")->check(CLI::PositiveNumber);
  OnRun(command, context, [options](Context& c) { return List(c, *options); });
}

}  // namespace coordhub::coordctl
