#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "agent/coordctl/bundle.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/diagnosis.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/listener.h"

namespace coordhub::coordctl {
namespace {

using Json = nlohmann::ordered_json;
using Level = Finding::Level;

struct Options {
  std::string bundle;
  bool verify = false;
  std::shared_ptr<std::string> claim_age;
};

constexpr int64_t kBundledEvents = 1000;

// What a hub that answers says.
struct HubAnswers {
  Overview overview;
  std::vector<pb::Ticket> tickets;  // unfinished
  std::vector<pb::Ticket> stuck;
  std::vector<pb::Ticket> buried;
  std::vector<pb::Event> events;
};

absl::StatusOr<HubAnswers> AskHub(Context& context, const agent::Client& client) {
  HubAnswers answers;
  COORDHUB_ASSIGN_OR_RETURN(answers.overview, ReadOverview(client, *context.host().clock));
  pb::ListTicketsRequest request;
  for (const auto state : {pb::Ticket::STATE_OPEN, pb::Ticket::STATE_CLAIMED,
                           pb::Ticket::STATE_BLOCKED, pb::Ticket::STATE_BURIED}) {
    request.add_states(state);
  }
  COORDHUB_ASSIGN_OR_RETURN(agent::TicketListing listing, agent::ListAllTickets(client, request));
  for (const pb::Ticket& ticket : listing.tickets) {
    if (ticket.state() == pb::Ticket::STATE_BURIED) answers.buried.push_back(ticket);
    const auto& blockers = ticket.blocked_by();
    if (std::any_of(blockers.begin(), blockers.end(), [](const auto& b) { return b.stuck(); })) {
      answers.stuck.push_back(ticket);
    }
  }
  answers.tickets = std::move(listing.tickets);
  pb::ListEventsRequest events;
  events.set_page_size(kBundledEvents);
  const pb::Workspace& workspace = answers.overview.hub.workspace();
  events.set_after_revision(
      std::max(workspace.compact_revision(), workspace.head_revision() - kBundledEvents));
  if (auto page = client.ListEvents(events); page.ok()) {
    answers.events = {page->events().begin(), page->events().end()};
  }
  return answers;
}

void Verify(const agent::Client& client, std::vector<Finding>* findings) {
  const auto verified = client.VerifyWorkspace({});
  if (verified.ok()) {
    findings->push_back({Level::kFine, "journal",
                         absl::StrCat(verified->checked_events(),
                                      " events checked; they lead to the records that are served"),
                         ""});
  } else {
    findings->push_back({Level::kProblem, "journal", std::string(verified.status().message()),
                         "coordhub restore from a backup; keep the damaged files"});
  }
}

const char* NameOf(Level level) {
  switch (level) {
    case Level::kFine:
      return "FINE";
    case Level::kWarning:
      return "WARNING";
    case Level::kProblem:
      return "PROBLEM";
  }
  return "";
}

std::string AsJson(const std::vector<Finding>& findings, bool pretty) {
  Json list = Json::array();
  size_t troubles = 0;
  for (const Finding& finding : findings) {
    if (finding.level != Level::kFine) ++troubles;
    list.push_back({{"level", NameOf(finding.level)},
                    {"area", finding.area},
                    {"what", finding.what},
                    {"advice", finding.advice}});
  }
  const Json json = {{"troubles", troubles}, {"findings", std::move(list)}};
  return DumpJson(json, pretty) + "\n";
}

void Print(Context& context, const std::vector<Finding>& findings) {
  if (context.json()) {
    context.out() << AsJson(findings, context.host().out_is_terminal);
    return;
  }
  for (const Finding& finding : findings) {
    const bool fine = finding.level == Level::kFine;
    const bool problem = finding.level == Level::kProblem;
    const Color color = fine ? Color::kGreen : problem ? Color::kRed : Color::kYellow;
    context.out() << Paint(fine      ? "\u2713"
                           : problem ? "\u2717"
                                     : "!",
                           color, context.color())
                  << " " << finding.area << ": " << base::TerminalSafe(finding.what) << "\n";
    if (!finding.advice.empty()) {
      context.out() << "    what to do: " << base::TerminalSafe(finding.advice) << "\n";
    }
  }
}

absl::Status WriteBundle(Context& context, const Options& options, const BundleInput& input) {
  const std::string path =
      options.bundle[0] == '/' ? options.bundle : context.host().directory + "/" + options.bundle;
  COORDHUB_ASSIGN_OR_RETURN(const std::string bytes,
                            MakeTarGz(CollectBundle(context, input), context.host().clock->Wall()));
  COORDHUB_RETURN_IF_ERROR(base::AtomicReplaceFile(path, bytes, 0600));
  context.err()
      << "coordctl: wrote " << base::TerminalSafe(path) << ", " << bytes.size()
      << " bytes; it has no keys, tokens, ticket bodies or comments, but titles, paths and "
         "names\n";
  return absl::OkStatus();
}

// The findings of a hub that may not answer.
void Examine(Context& context, const Options& options, absl::Duration claim_age,
             std::optional<HubAnswers>* answers, std::vector<Finding>* findings) {
  if (context.globals().timeout.empty()) context.globals().timeout = "5s";
  const absl::StatusOr<agent::Client> client = context.ConnectToRead();
  absl::StatusOr<HubAnswers> asked =
      client.ok() ? AskHub(context, *client) : absl::StatusOr<HubAnswers>(client.status());
  if (!asked.ok()) {
    const bool known = std::any_of(findings->begin(), findings->end(), [](const Finding& finding) {
      return finding.level == Level::kProblem && finding.area == "hub";
    });
    if (!known) {
      findings->push_back({Level::kProblem, "hub", std::string(asked.status().message()),
                           "coordhub status; if it hangs: coordhub restart"});
    }
    return;
  }
  asked->overview.claim_age = claim_age;
  for (Finding& finding :
       DiagnoseHub(asked->overview, asked->stuck, asked->buried, COORDHUB_VERSION)) {
    findings->push_back(std::move(finding));
  }
  if (options.verify) {
    const absl::StatusOr<agent::Client> as_operator = context.ConnectAs(Actor::Operator());
    if (as_operator.ok()) Verify(*as_operator, findings);
  }
  *answers = *asked;
}

bool SomebodyListens(const Site& site) {
  return site.endpoint.ok() && site.endpoint->has_value() &&
         AwaitListener((*site.endpoint)->endpoint, absl::ZeroDuration()).ok();
}

absl::StatusOr<ExitCode> Debug(Context& context, const Options& options) {
  COORDHUB_ASSIGN_OR_RETURN(const absl::Duration claim_age, ParseClaimAge(*options.claim_age));
  std::vector<Finding> findings;
  std::optional<Site> site;
  const bool elsewhere =
      !context.globals().endpoint.empty() || !context.host().Env("COORDHUB_ENDPOINT").empty();
  const absl::StatusOr<base::GitLocation>& repository = context.Repository();
  if (repository.ok() && !elsewhere) {
    site = FindSite(*repository);
    findings = DiagnoseFiles(*site, context.host().clock->Wall());
  } else if (!elsewhere) {
    findings.push_back({Level::kProblem, "repository", std::string(repository.status().message()),
                        "go into the repository, or say --endpoint"});
  }
  std::optional<HubAnswers> answers;
  if (elsewhere || (site.has_value() && SomebodyListens(*site))) {
    Examine(context, options, claim_age, &answers, &findings);
  }
  Print(context, findings);
  if (!options.bundle.empty()) {
    BundleInput input;
    input.report = AsJson(findings, /*pretty=*/true);
    if (site.has_value()) input.site = &*site;
    if (answers.has_value()) {
      input.overview = &answers->overview;
      input.tickets = answers->tickets;
      input.events = answers->events;
    }
    COORDHUB_RETURN_IF_ERROR(WriteBundle(context, options, input));
  }
  const bool fine = std::all_of(findings.begin(), findings.end(),
                                [](const Finding& f) { return f.level == Level::kFine; });
  return fine ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace

void AddDebug(CLI::App* root, Context* context) {
  CLI::App* command = AddCommand(
      root, "debug",
      "Look at hub, journal, loops, mirror, repository, agents and tickets, and say what is wrong "
      "and what to do about it; works without a hub, too. Exit code 0: nothing is wrong; 1: "
      "something is",
      "coordctl debug\n"
      "coordctl debug --verify\n"
      "coordctl debug --json | jq -r '.findings[] | select(.level != \"FINE\") | .advice'\n"
      "coordctl debug --bundle /tmp/coordhub-debug.tar.gz");
  auto options = std::make_shared<Options>();
  command->add_option("--bundle", options->bundle,
                      "Also write an archive for whoever is to help, without keys, tokens, ticket "
                      "bodies and comments: a .tar.gz FILE");
  command->add_flag("--verify", options->verify,
                    "Also check the whole journal; takes as long as it is large");
  options->claim_age = AddClaimAge(command);
  OnRun(command, context, [options](Context& c) { return Debug(c, *options); });
}

}  // namespace coordhub::coordctl
