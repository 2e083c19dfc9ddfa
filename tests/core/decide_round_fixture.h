// Branches, agents and rounds for the tests of decisions.

#pragma once

#include <string>
#include <vector>

#include "hub/core/round_id.h"
#include "tests/core/decide_fixture.h"

namespace coordhub::core {

class RoundWorkspace : public DecidingWorkspace {
 public:
  static Caller Coordinator() { return Hub("coordinator"); }

  // Where the branch stands from now on, and not compared yet.
  Decision Move(const std::string& branch, const std::string& commit) {
    pb::Branch observed;
    observed.set_branch(branch);
    observed.set_commit(Commit(commit));
    ObserveBranches command;
    command.seen.push_back(observed);
    return Must(Coordinator(), std::move(command));
  }
  Decision Lose(const std::string& branch) {
    ObserveBranches command;
    command.gone.push_back(branch);
    return Must(Coordinator(), std::move(command));
  }
  // All branches were compared with each other where they stand.
  Decision CompareAll() {
    ObserveConflicts command;
    const auto& branches = state.records().of<tables::Branches>();
    for (auto branch = branches.Begin(); branch.Valid(); branch.Next()) {
      command.compared.push_back({branch->branch(), branch->commit()});
    }
    return Must(Coordinator(), std::move(command));
  }
  Decision Clash(const std::string& a, const std::string& b, const std::string& path) {
    pb::Conflict conflict;
    conflict.set_branch_a(a);
    conflict.set_branch_b(b);
    conflict.set_kind(pb::Conflict::KIND_CONTENT);
    conflict.add_paths(path);
    conflict.add_path_kinds(pb::Conflict::KIND_CONTENT);
    conflict.set_path_count(1);
    ObserveConflicts command;
    command.opened.push_back(conflict);
    return Must(Coordinator(), std::move(command));
  }
  Decision Agree(const std::string& a, const std::string& b) {
    ObserveConflicts command;
    command.cleared.emplace_back(a, b);
    return Must(Coordinator(), std::move(command));
  }

  Caller RegisterOn(const std::string& agent_id, const std::string& branch) {
    RegisterAgent command = Registration(agent_id);
    command.request.set_branch(branch);
    Must(Operator(), command);
    return Session(agent(agent_id).session_uid());
  }

  static pb::OpenRoundRequest Opening(const std::vector<std::string>& branches = {},
                                      const std::string& target = "main") {
    pb::OpenRoundRequest request;
    request.set_target(target);
    for (const std::string& branch : branches) request.add_member_branches(branch);
    return request;
  }
  // Returns its id.
  std::string Open(const pb::OpenRoundRequest& request, const Caller& by = Operator()) {
    Must(by, request);
    return RoundId(state.records().of<tables::Rounds>().Last().key());
  }
  const pb::Round& round(const std::string& id = "C-1") const {
    static const pb::Round& none = *new pb::Round;
    const auto* found = state.records().Find<tables::Rounds>(RoundNumber(id));
    EXPECT_NE(found, nullptr) << id;
    return found == nullptr ? none : *found;
  }
  std::string RoundStateOf(const std::string& id = "C-1") const {
    return std::string(StateName(round(id).state()));
  }
  // "NOT_READY a, CONFLICT b": what blocks it, in short.
  std::string Blockers(const std::string& id = "C-1") const {
    std::string text;
    for (const pb::RoundBlocker& blocker : round(id).blockers()) {
      absl::StrAppend(&text, text.empty() ? "" : ", ",
                      pb::RoundBlocker::Kind_Name(blocker.kind()).substr(sizeof("KIND_") - 1));
      for (const std::string& part :
           {blocker.branch(), blocker.other_branch(), blocker.ticket_id()}) {
        if (!part.empty()) absl::StrAppend(&text, " ", part);
      }
    }
    return text;
  }

  static pb::DeclareReadyRequest Ready(const std::string& commit = "",
                                       const std::string& branch = "") {
    pb::DeclareReadyRequest request;
    request.set_branch(branch);
    if (!commit.empty()) request.set_commit(Commit(commit));
    return request;
  }
  static std::string Commit(const std::string& digit) {
    std::string commit;
    while (commit.size() < 40) commit += digit;
    return commit;
  }
};

}  // namespace coordhub::core
