#include <algorithm>
#include <limits>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/coordctl/commands/commands.h"
#include "agent/coordctl/conflict_view.h"
#include "agent/coordctl/hot_files.h"
#include "agent/coordctl/json_output.h"

namespace coordhub::coordctl {
namespace {

constexpr int kPage = 1000;

struct Options {
  std::string branch;
  std::string other;
  bool uncommitted = false;
  bool hot = false;
  size_t limit = 20;
  bool exit_code = false;
};

ExitCode CodeFor(const Options& options, bool any) {
  return any && options.exit_code ? ExitCode::kFailed : ExitCode::kOk;
}

absl::StatusOr<std::vector<pb::Conflict>> Fetch(const agent::Client& client,
                                                const Options& options) {
  pb::ListConflictsRequest request;
  request.set_branch(options.branch);
  request.set_with_uncommitted(options.uncommitted);
  request.set_page_size(kPage);
  std::vector<pb::Conflict> conflicts;
  while (true) {
    COORDHUB_ASSIGN_OR_RETURN(const auto page,
                              client.Call<pb::ListConflictsResponse>(
                                  "/coordhub.v1.RepositoryService/ListConflicts", request));
    conflicts.insert(conflicts.end(), page.conflicts().begin(), page.conflicts().end());
    if (page.next_page_token().empty()) return conflicts;
    request.set_page_token(page.next_page_token());
  }
}

absl::StatusOr<ExitCode> List(Context& context, const Options& options) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<pb::Conflict> conflicts, Fetch(client, options));
  const bool wide = context.host().out_is_terminal;
  if (context.json()) {
    context.out() << ToJsonArray(conflicts, wide);
    return CodeFor(options, !conflicts.empty());
  }
  if (context.terminal() && conflicts.empty()) context.out() << "No conflicts.\n";
  if (context.terminal() && options.branch.empty() && !conflicts.empty()) {
    const std::string matrix = ConflictMatrix(context, conflicts);
    if (!matrix.empty()) context.out() << matrix << "\n";
  }
  context.out() << ConflictTable(context, conflicts, context.host().clock->Wall()).Render();
  return CodeFor(options, !conflicts.empty());
}

absl::StatusOr<ExitCode> Preview(Context& context, const Options& options) {
  pb::PreviewMergeRequest request;
  request.set_ours(options.branch);
  request.set_theirs(options.other);
  request.set_with_uncommitted(options.uncommitted);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  COORDHUB_ASSIGN_OR_RETURN(const auto merge,
                            client.Call<pb::PreviewMergeResponse>(
                                "/coordhub.v1.RepositoryService/PreviewMerge", request));
  if (context.json()) {
    context.out() << ToJson(merge, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << MergeText(context, options.branch, options.other, merge);
  }
  return CodeFor(options, merge.has_conflict());
}

absl::StatusOr<ExitCode> ShowHot(Context& context, const Options& options) {
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.ConnectToRead());
  pb::ListEventsRequest request;
  request.set_page_size(kPage);
  request.mutable_filter()->add_kinds(pb::EVENT_KIND_CONFLICTS_CHANGED);
  HotFileCount count;
  int64_t start_revision = 0;
  do {
    COORDHUB_ASSIGN_OR_RETURN(const pb::ListEventsResponse page, client.ListEvents(request));
    start_revision = std::max(start_revision, page.start_revision());
    for (const pb::Event& event : page.events()) count.Add(event);
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  const std::vector<HotFile> files = count.Hottest(options.limit);
  const int64_t from = start_revision + 1;
  if (context.json()) {
    context.out() << HotFileJson(files, from, context.host().out_is_terminal);
  } else {
    context.out() << HotFileTable(context, files, context.host().clock->Wall()).Render();
    context.err() << "Counted from revision " << from << " on"
                  << (start_revision == 0 ? ", the first.\n"
                                          : "; what was before has been compacted away.\n");
  }
  return CodeFor(options, !files.empty());
}

absl::StatusOr<ExitCode> RunConflicts(Context& context, const Options& options) {
  if (options.hot) return ShowHot(context, options);
  return options.other.empty() ? List(context, options) : Preview(context, options);
}

}  // namespace

void AddConflicts(CLI::App* root, Context* context) {
  CLI::App* command = AddCommand(
      root, "conflicts",
      "Show which branches do not merge, with each other or with the target. On a terminal a "
      "matrix (number of files; ? cannot be told, ~ uncommitted) and a table; of BRANCH only its "
      "own; of BRANCH and OTHER, which may also be commits, what clashes. Columns: branch, the "
      "other one, files, kind, age, owners, paths",
      "coordctl conflicts\n"
      "coordctl conflicts task-1\n"
      "coordctl conflicts task-1 main\n"
      "coordctl conflicts --uncommitted --exit-code || echo 'not now'\n"
      "coordctl conflicts --hot -n 5\n"
      "coordctl conflicts --json | jq -r '.[] | .branchA + \" \" + .branchB'");
  auto options = std::make_shared<Options>();
  auto* branch = command->add_option("BRANCH", options->branch, "Only its conflicts");
  command->add_option("OTHER", options->other, "Merge the two, in memory, and show the hunks");
  auto* uncommitted = command->add_flag("--uncommitted", options->uncommitted,
                                        "With what is uncommitted in worktrees, as it is now");
  auto* hot = command
                  ->add_flag("--hot", options->hot,
                             "Files on which conflicts opened most often, as far as events are "
                             "kept. Columns: file, conflicts that opened, pairs of branches, age "
                             "of the last")
                  ->excludes(branch)
                  ->excludes(uncommitted);
  command->add_option("--limit,-n", options->limit, "At most so many files")
      ->needs(hot)
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--exit-code", options->exit_code, "Exit with 1 when there are any");
  OnRun(command, context, [options](Context& c) { return RunConflicts(c, *options); });
}

}  // namespace coordhub::coordctl
