#include "agent/client/watch.h"

#include <ostream>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/commands/watch_printer.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

struct Options {
  int64_t from = -1;
  std::string log_id;
  bool snapshot = false;
  bool no_follow = false;
  bool newest = false;
  bool bookmarks = false;
  int64_t count = 0;
  std::vector<std::string> kinds;
  std::vector<std::string> tickets;
  std::vector<std::string> agents;
  std::vector<std::string> labels;
  std::vector<std::string> states;
};

absl::StatusOr<pb::EventFilter> FilterOf(const Options& options) {
  pb::EventFilter filter;
  for (const std::string& kind : options.kinds) {
    COORDHUB_ASSIGN_OR_RETURN(const pb::EventKind parsed, ParseKind(kind, "--kind"));
    filter.add_kinds(parsed);
  }
  for (const std::string& ticket : options.tickets) filter.add_ticket_ids(ticket);
  for (const std::string& agent : options.agents) filter.add_agent_ids(agent);
  for (const std::string& label : options.labels) filter.add_labels(label);
  for (const std::string& state : options.states) {
    COORDHUB_ASSIGN_OR_RETURN(const pb::Ticket::State parsed, ParseTicketState(state, "--state"));
    filter.add_ticket_states(parsed);
  }
  return filter;
}

// What is in the log by now, without following it.
absl::StatusOr<ExitCode> PrintPast(Context& context, const Options& options,
                                   const pb::EventFilter& filter) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  WatchPrinter printer(&context, {.count = options.count});
  pb::ListEventsRequest request;
  request.set_page_size(1000);
  request.set_after_revision(std::max<int64_t>(options.from, 0));
  request.set_log_id(options.log_id);
  request.set_descending(options.newest);
  *request.mutable_filter() = filter;
  for (;;) {
    COORDHUB_ASSIGN_OR_RETURN(const pb::ListEventsResponse page, client.ListEvents(request));
    // Where they would have stood.
    const bool at_oldest =
        options.newest ? page.next_page_token().empty() : request.page_token().empty();
    const bool compacted = at_oldest && page.start_revision() > request.after_revision();
    if (compacted && !options.newest) printer.OnCompacted(page.start_revision());
    for (const pb::Event& event : page.events()) {
      printer.OnEvent(event);
      if (printer.finished()) return ExitCode::kOk;
    }
    if (compacted && options.newest) printer.OnCompacted(page.start_revision());
    if (page.next_page_token().empty()) return ExitCode::kOk;
    request.set_page_token(page.next_page_token());
  }
}

absl::StatusOr<ExitCode> Follow(Context& context, const Options& options,
                                const pb::EventFilter& filter) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  agent::WatchOptions watch;
  watch.filter = filter;
  watch.connect_timeout = client.connection().timeout();
  watch.snapshot_on_reset = options.snapshot;
  if (options.bookmarks) watch.bookmark_interval = absl::Seconds(1);
  if (options.snapshot) {
    watch.start = agent::WatchOptions::Start::kSnapshot;
  } else if (options.from >= 0) {
    watch.start = agent::WatchOptions::Start::kAfter;
    watch.after = {options.log_id, options.from};
  }
  WatchPrinter printer(
      &context,
      {.count = options.count, .bookmarks = options.bookmarks, .from_first = options.from == 0});
  agent::Watch events(client, watch, &printer);
  printer.set_on_finished([&events] { events.RequestStop(); });
  events.Join();
  if (!printer.end().ok()) return printer.end();
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> RunWatch(Context& context, const Options& options) {
  COORDHUB_ASSIGN_OR_RETURN(const pb::EventFilter filter, FilterOf(options));
  return options.no_follow ? PrintPast(context, options, filter) : Follow(context, options, filter);
}

void AddFilterOptions(CLI::App* command, Options* options) {
  AddListOption(command, "--kind", &options->kinds, "Only these kinds; may be repeated")
      ->check(CLI::IsMember(KindNames(), CLI::ignore_case));
  TakeTicketIds(AddListOption(command, "--ticket", &options->tickets,
                              "Only about this ticket; may be repeated"));
  AddListOption(command, "--agent", &options->agents,
                "Only about this agent, its claims and what is assigned to it; may be repeated");
  AddListOption(command, "--label,-l", &options->labels, "Only with this label; may be repeated");
  AddStateOption(command, &options->states, TicketStateNames(),
                 "Only tickets that come to or leave this state; may be repeated");
}

}  // namespace

void AddWatch(CLI::App* root, Context* context) {
  CLI::App* command =
      AddCommand(root, "watch",
                 "Follow what happens, from now on unless --from or --snapshot is given. Goes on "
                 "by itself when "
                 "the hub restarts. Columns: revision, time, kind, subject, actor, more",
                 "coordctl watch\n"
                 "coordctl watch --from 0 --no-follow\n"
                 "coordctl watch --no-follow --newest --count 20\n"
                 "coordctl watch --snapshot --json\n"
                 "coordctl watch --kind ticket_completed --count 1");
  auto options = std::make_shared<Options>();
  auto* from =
      command
          ->add_option("--from", options->from,
                       "Begin with the event after this revision; 0: with the first that is kept, "
                       "and a note if there were others before it. Where events after R were "
                       "compacted away, --from R is an error")
          ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--log-id", options->log_id,
                   "The log that --from belongs to; another one is then refused")
      ->needs(from);
  command
      ->add_flag("--snapshot", options->snapshot,
                 "Begin with all records, and do so again should events be missed")
      ->excludes(from);
  command
      ->add_flag("--no-follow", options->no_follow,
                 "Print what the log has (after --from) and stop")
      ->excludes("--snapshot");
  command->add_flag("--newest", options->newest, "The newest first")->needs("--no-follow");
  command->add_flag("--bookmarks", options->bookmarks,
                    "Also tell, once a second, up to where everything was seen");
  command->add_option("--count,-n", options->count, "Stop after so many events")
      ->check(CLI::PositiveNumber);
  AddFilterOptions(command, options.get());
  OnRun(command, context, [options](Context& c) { return RunWatch(c, *options); });
}

}  // namespace coordhub::coordctl
