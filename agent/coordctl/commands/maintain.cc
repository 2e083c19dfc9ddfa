#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/git_command.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/maintenance.h"
#include "agent/coordctl/worktree_id.h"

namespace coordhub::coordctl {
namespace {

using Json = nlohmann::ordered_json;
using Kind = Chore::Kind;

struct Options {
  bool yes = false;
  bool dry_run = false;
};

// One chore, and how it went.
struct Done {
  const Chore* chore;
  absl::Status status;
  std::string result;
};

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    lines.emplace_back(line);
  }
  return lines;
}

class Maintenance {
 public:
  Maintenance(Context* context, agent::Client client)
      : context_(*context), client_(std::move(client)) {}

  absl::Status Plan() {
    COORDHUB_ASSIGN_OR_RETURN(const Overview overview,
                              ReadOverview(client_, *context_.host().clock));
    if (const auto store = context_.Sessions(); store.ok()) FindDead(*store);
    // The hub's own repository, wherever the user stands.
    git_directory_ = overview.hub.workspace().common_dir();
    if (const auto gone = RunGit(git_directory_, {"worktree", "prune", "--dry-run", "--verbose"});
        gone.ok()) {
      facts_.prunable = LinesOf(*gone);
    }
    if (const auto counts = RunGit(git_directory_, {"count-objects", "-v"}); counts.ok()) {
      ParseCountObjects(*counts, &facts_);
    }
    chores_ = PlanMaintenance(overview, facts_);
    return absl::OkStatus();
  }

  size_t to_do() const {
    return static_cast<size_t>(std::count_if(
        chores_.begin(), chores_.end(), [](const Chore& c) { return c.kind != Kind::kAdvice; }));
  }

  void ShowPlan() const {
    Show("To do:", false);
    Show("For you to decide:", true);
  }

  // True: everything went well.
  bool Do() {
    for (const Chore& chore : chores_) {
      if (chore.kind == Kind::kAdvice) continue;
      Done done{&chore, absl::OkStatus(), ""};
      const absl::StatusOr<std::string> result = DoOne(chore.kind);
      done.status = result.status();
      done.result = result.ok() ? *result : std::string(result.status().message());
      if (!context_.json()) {
        context_.out() << (result.ok() ? "\u2713 " : "\u2717 ") << base::TerminalSafe(chore.what)
                       << ": "
                       << base::TerminalSafe(base::OneLine(base::TerminalSafe(done.result), 300))
                       << std::endl;
      }
      done_.push_back(std::move(done));
    }
    return std::all_of(done_.begin(), done_.end(), [](const Done& d) { return d.status.ok(); });
  }

  void PrintJson() const {
    Json to_do = Json::array();
    Json to_decide = Json::array();
    for (const Chore& chore : chores_) {
      if (chore.kind == Kind::kAdvice) {
        to_decide.push_back({{"what", chore.what}, {"advice", chore.advice}});
        continue;
      }
      Json json = {{"what", chore.what}, {"done", false}};
      for (const Done& done : done_) {
        if (done.chore != &chore) continue;
        json["done"] = done.status.ok();
        json["result"] = done.result;
      }
      to_do.push_back(std::move(json));
    }
    const Json json = {{"toDo", std::move(to_do)}, {"toDecide", std::move(to_decide)}};
    context_.out() << DumpJson(json, /*pretty=*/false) << "\n";
  }

 private:
  void Show(const char* heading, bool advice) const {
    bool first = true;
    for (const Chore& chore : chores_) {
      if ((chore.kind == Kind::kAdvice) != advice) continue;
      if (std::exchange(first, false)) {
        context_.out() << Paint(heading, Color::kBold, context_.color()) << "\n";
      }
      context_.out() << "  - " << base::TerminalSafe(chore.what) << "\n";
      if (!chore.advice.empty()) {
        context_.out() << "      " << base::TerminalSafe(chore.advice) << "\n";
      }
    }
  }

  // The sessions that are over, and what other ones left behind in worktrees that are gone.
  void FindDead(const SessionStore& store) {
    const absl::StatusOr<base::GitLocation>& repository = context_.Repository();
    if (!repository.ok()) return;
    worktree_ids_ = WorktreeIdsOf(repository->common_dir);
    const std::vector<StoredSession> all = store.ListAll();
    facts_.dead = context_.DeadOf(all);
    for (const StoredSession& session : all) {
      if (session.ended() && IsGone(session)) facts_.dead.push_back(session);
    }
  }

  // Whether the session's worktree is no more.
  bool IsGone(const StoredSession& session) const {
    if (!session.worktree_id.empty()) return worktree_ids_.count(session.worktree_id) == 0;
    std::error_code error;
    return !std::filesystem::exists(session.worktree, error) && !error;
  }

  // In a worktree that is still there nobody acts as the operator unawares.
  void Forget(const SessionStore& store, const StoredSession& session) const {
    if (IsGone(session)) {
      store.Remove(session);
    } else {
      store.Entomb(session);
    }
  }

  absl::StatusOr<std::string> DoOne(Kind kind) {
    switch (kind) {
      case Kind::kVerify: {
        COORDHUB_ASSIGN_OR_RETURN(const auto verified, client_.VerifyWorkspace({}));
        return absl::StrCat("sound, ", verified.checked_events(), " events");
      }
      case Kind::kCompact: {
        COORDHUB_ASSIGN_OR_RETURN(const auto compacted, client_.CompactWorkspace({}));
        return absl::StrCat("dropped ", compacted.dropped_events());
      }
      case Kind::kPruneWorktrees: {
        COORDHUB_ASSIGN_OR_RETURN(const std::string output,
                                  RunGit(git_directory_, {"worktree", "prune", "--verbose"}));
        return absl::StrCat(LinesOf(output).size(), " forgotten");
      }
      case Kind::kForgetSessions: {
        COORDHUB_ASSIGN_OR_RETURN(const SessionStore store, context_.Sessions());
        for (const StoredSession& session : facts_.dead) Forget(store, session);
        return absl::StrCat(facts_.dead.size(), " forgotten");
      }
      case Kind::kAdvice:
        break;
    }
    return absl::InternalError("nothing to do");
  }

  Context& context_;
  const agent::Client client_;
  std::string git_directory_;
  std::set<std::string> worktree_ids_;
  MaintenanceFacts facts_;
  std::vector<Chore> chores_;
  std::vector<Done> done_;
};

// Whether a person says yes.
bool Ask(Context& context, size_t chores) {
  context.out() << "Do " << (chores == 1 ? "this" : absl::StrCat("these ", chores)) << "? [y/N] "
                << std::flush;
  std::string answer;
  std::getline(*context.host().in, answer);
  answer = absl::AsciiStrToLower(absl::StripAsciiWhitespace(answer));
  return answer == "y" || answer == "yes";
}

absl::StatusOr<ExitCode> Maintain(Context& context, const Options& options) {
  const bool can_ask =
      context.host().in_is_terminal && context.host().out_is_terminal && !context.json();
  if (!options.yes && !options.dry_run && !can_ask) {
    return base::MakeFieldError(
        "--yes", "nobody can be asked here; say --yes to do it, or --dry-run to see the plan");
  }
  COORDHUB_ASSIGN_OR_RETURN(agent::Client client, options.dry_run
                                                      ? context.ConnectAs(Actor::Operator())
                                                      : context.ConnectForOperator());
  Maintenance maintenance(&context, std::move(client));
  COORDHUB_RETURN_IF_ERROR(maintenance.Plan());
  if (!context.json()) maintenance.ShowPlan();
  bool well = true;
  if (!options.dry_run && (options.yes || Ask(context, maintenance.to_do()))) {
    well = maintenance.Do();
  }
  if (context.json()) maintenance.PrintJson();
  return well ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace

void AddMaintain(CLI::App* root, Context* context) {
  CLI::App* command = AddCommand(
      root, "maintain",
      "Tidy up: verify and compact the journal, forget worktrees that are gone and sessions that "
      "have ended; name worktrees, branches and agents that seem to be of no use any more. Shows "
      "the plan and asks. Never removes a branch, or a worktree that exists. Exit code 1: "
      "something "
      "could not be done",
      "coordctl maintain\n"
      "coordctl maintain --dry-run\n"
      "coordctl maintain --yes --json | jq '.toDecide'");
  auto options = std::make_shared<Options>();
  auto* yes = command->add_flag("--yes,-y", options->yes, "Do it without asking");
  command->add_flag("--dry-run", options->dry_run, "Only show the plan")->excludes(yes);
  OnRun(command, context, [options](Context& c) { return Maintain(c, *options); });
}

}  // namespace coordhub::coordctl
