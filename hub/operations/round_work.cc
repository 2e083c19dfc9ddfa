#include "hub/operations/round_work.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "agent/base/text.h"

namespace coordhub::operations {
namespace {

constexpr char kNobody[] = "coordhub";
constexpr char kNobodysAddress[] = "coordhub@localhost";
constexpr size_t kSubjectBytes = 200;
// In the trailers of one commit.
constexpr int kTicketsNamed = 100;

// `Name <address>`, as validated.
git::Person PersonOf(const std::string& text) {
  const size_t open = text.find('<');
  return {text.substr(0, open - 1), text.substr(open + 1, text.size() - open - 2)};
}

}  // namespace

std::vector<PlanMember> MembersOf(const core::View& view, const v1::Round& round) {
  std::vector<PlanMember> members;
  for (const v1::RoundMember& member : round.members()) {
    if (member.state() == v1::RoundMember::STATE_DROPPED) continue;
    std::string commit = member.ready_commit();
    const v1::Branch* branch = view.records.FindBranch(member.branch());
    if (commit.empty() && branch != nullptr) commit = branch->commit();
    if (!commit.empty()) members.push_back({member.branch(), member.agent_id(), commit});
  }
  return members;
}

GitTrial::GitTrial(const core::View& view, const v1::Round& round, git::Integrator* git)
    : view_(view), round_(round), git_(*git) {
  const auto& conflicts = view.records.of<core::tables::Conflicts>();
  for (auto conflict = conflicts.Begin(); conflict.Valid(); conflict.Next()) {
    if (!conflict->problem().empty()) continue;
    known_[std::minmax(conflict->commit_a(), conflict->commit_b())] = {conflict->paths().begin(),
                                                                       conflict->paths().end()};
  }
}

absl::StatusOr<std::vector<std::string>> GitTrial::Conflicts(const std::string& a,
                                                             const std::string& b) {
  const Pair pair = std::minmax(a, b);
  if (const auto known = known_.find(pair); known != known_.end()) return known->second;
  COORDHUB_ASSIGN_OR_RETURN(const git::MergeAttempt attempt, git_.Merge(a, b));
  std::vector<std::string> paths = attempt.conflict_paths;
  // Histories without anything in common have no paths.
  if (!attempt.clean() && paths.empty()) paths.push_back("");
  known_[pair] = paths;
  return paths;
}

absl::StatusOr<PlanTrial::Stacked> GitTrial::Stack(const std::string& tip,
                                                   const PlanMember& member) {
  COORDHUB_ASSIGN_OR_RETURN(const bool is_there, git_.IsAncestor(member.commit, tip));
  if (is_there) return Stacked{.tip = tip, .paths = {}, .reason = {}};
  if (round_.policy().method() == v1::RoundPolicy::METHOD_FAST_FORWARD) {
    return FastForward(tip, member);
  }
  COORDHUB_ASSIGN_OR_RETURN(const git::MergeAttempt attempt, git_.Merge(tip, member.commit));
  if (!attempt.clean()) {
    return Stacked{.tip = {},
                   .paths = attempt.conflict_paths,
                   .reason = "does not merge with what goes before it"};
  }
  COORDHUB_ASSIGN_OR_RETURN(const git::NewCommit commit, CommitFor(tip, member, attempt.tree));
  Stacked stacked;
  COORDHUB_ASSIGN_OR_RETURN(stacked.tip, git_.Commit(commit));
  return stacked;
}

absl::StatusOr<PlanTrial::Stacked> GitTrial::FastForward(const std::string& tip,
                                                         const PlanMember& member) {
  COORDHUB_ASSIGN_OR_RETURN(const bool follows, git_.IsAncestor(tip, member.commit));
  if (follows) return Stacked{.tip = member.commit, .paths = {}, .reason = {}};
  return Stacked{.tip = {},
                 .paths = {},
                 .reason = "is not ahead of what goes before it: a fast-forward needs a rebase"};
}

absl::StatusOr<git::NewCommit> GitTrial::CommitFor(const std::string& tip, const PlanMember& member,
                                                   const std::string& tree) {
  git::NewCommit commit;
  commit.tree = tree;
  commit.parents = {tip};
  commit.committer = Committer();
  if (round_.policy().method() == v1::RoundPolicy::METHOD_SQUASH) {
    COORDHUB_ASSIGN_OR_RETURN(const std::string subject, git_.SubjectOf(member.commit));
    commit.message = base::OneLine(subject, kSubjectBytes);
    COORDHUB_ASSIGN_OR_RETURN(const auto author, git_.AuthorOf(member.commit));
    commit.author = author.first;
    commit.author_date = author.second;
  } else {
    commit.parents.push_back(member.commit);
    commit.message = absl::StrCat("Merge branch '", member.branch, "' into ", round_.target());
    commit.author = commit.committer;
  }
  absl::StrAppend(&commit.message, "\n\n", TrailersFor(member));
  return commit;
}

std::string GitTrial::TrailersFor(const PlanMember& member) const {
  std::string trailers = absl::StrCat("Coordhub-Round: ", round_.round_id(), "\n");
  if (member.agent_id.empty()) return trailers;
  absl::StrAppend(&trailers, "Coordhub-Agent: ", member.agent_id, "\n");
  // What the agent finished and nothing has integrated yet.
  int left = kTicketsNamed;
  const auto& done = view_.records.tickets_by_state;
  for (auto ticket = done.LowerBound(std::pair<int, int64_t>(v1::Ticket::STATE_DONE, 0));
       ticket.Valid() && ticket.key().first == v1::Ticket::STATE_DONE; ticket.Next()) {
    if (ticket->has_integration() || ticket->outcome().actor() != member.agent_id) continue;
    if (left-- == 0) break;
    absl::StrAppend(&trailers, "Coordhub-Ticket: ", ticket->ticket_id(), "\n");
  }
  return trailers;
}

git::Person GitTrial::Committer() {
  if (!round_.policy().committer().empty()) return PersonOf(round_.policy().committer());
  git::Person person = git_.ConfiguredPerson();
  if (person.name.empty()) person.name = kNobody;
  if (person.address.empty()) person.address = kNobodysAddress;
  return person;
}

absl::StatusOr<bool> IsOnTarget(git::Integrator* git, const std::string& commit,
                                const std::string& target_commit) {
  COORDHUB_ASSIGN_OR_RETURN(const bool is_ancestor, git->IsAncestor(commit, target_commit));
  if (is_ancestor) return true;
  COORDHUB_ASSIGN_OR_RETURN(const git::MergeAttempt attempt, git->Merge(target_commit, commit));
  if (!attempt.clean()) return false;
  COORDHUB_ASSIGN_OR_RETURN(const std::string tree, git->TreeOf(target_commit));
  return attempt.tree == tree;
}

}  // namespace coordhub::operations
