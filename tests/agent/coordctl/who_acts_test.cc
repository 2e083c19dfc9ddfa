// Identity never widens: where an agent was, nobody is taken for the operator.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "agent/base/error.h"
#include "agent/base/sha256.h"
#include "tests/agent/coordctl/commands_fixture.h"

namespace coordhub::coordctl {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;
using ::testing::Not;

class WhoActs : public Commands {
 protected:
  int Create() { return Run({"ticket", "create", "--title", "x"}); }

  // The session of the agent that acts is over, as the hub says once.
  void EndSession() {
    Refuse<pb::CreateTicketRequest, pb::CreateTicketResponse>(
        "TicketService/CreateTicket",
        base::MakeError(pb::ERROR_REASON_SESSION_ENDED, "this session of a has ended"));
    EXPECT_EQ(Create(), 4);
    EchoCreate();
  }

  // What changes something is refused without a call, and says what to do; what reads goes on.
  void ExpectNobody() {
    EchoCreate();
    ListOne();
    for (int i = 0; i < 2; ++i) {
      const size_t calls = hub_->calls().size();
      EXPECT_EQ(Create(), 4) << out_;
      EXPECT_THAT(err_, HasSubstr("coordctl agent register"));
      EXPECT_THAT(err_, HasSubstr("--as operator"));
      EXPECT_EQ(hub_->calls().size(), calls);
      EXPECT_EQ(Run({"ticket", "list"}), 0) << err_;
    }
  }
  void ExpectOperator() {
    EchoCreate();
    EXPECT_EQ(Create(), 0) << err_;
    EXPECT_EQ(LastToken(), "");
  }
  void ExpectAgent(const std::string& name) {
    EchoCreate();
    EXPECT_EQ(Create(), 0) << err_;
    EXPECT_EQ(LastToken(), "chs_" + name);
  }

  // Where the tokens of this worktree are.
  std::string Kept() const {
    const std::string sessions = root_ + "/.git/coordhub/sessions";
    for (const auto& entry : fs::directory_iterator(sessions)) return entry.path().string();
    return sessions;
  }

  // A linked worktree `name` beside the repository, as git makes it. Returns its path.
  std::string AddWorktree(const std::string& name) {
    const std::string path = root_ + "-" + name;
    const std::string git_dir = root_ + "/.git/worktrees/" + name;
    fs::create_directories(git_dir);
    fs::create_directory(path);
    std::ofstream(git_dir + "/HEAD") << "ref: refs/heads/" << name << "\n";
    std::ofstream(git_dir + "/commondir") << "../..\n";
    std::ofstream(git_dir + "/gitdir") << path << "/.git\n";
    std::ofstream(path + "/.git") << "gitdir: " << git_dir << "\n";
    worktrees_.push_back(path);
    return path;
  }
  void RemoveWorktree(const std::string& name) {
    fs::remove_all(root_ + "-" + name);
    fs::remove_all(root_ + "/.git/worktrees/" + name);
  }
  // As `git worktree move` does.
  std::string MoveWorktree(const std::string& name, const std::string& to) {
    const std::string path = root_ + "-" + to;
    fs::rename(root_ + "-" + name, path);
    std::ofstream(root_ + "/.git/worktrees/" + name + "/gitdir") << path << "/.git\n";
    worktrees_.push_back(path);
    return path;
  }

  ~WhoActs() override {
    for (const std::string& path : worktrees_) fs::remove_all(path);
  }

 private:
  std::vector<std::string> worktrees_;
};

TEST_F(WhoActs, WhereASessionEndedWhatChangesSomethingStaysRefused) {
  Register("a");
  EndSession();
  ExpectNobody();
  EXPECT_EQ(Run({"--as", "operator", "ticket", "create", "--title", "x"}), 0) << err_;
  EXPECT_EQ(LastToken(), "");
  ExpectNobody();  // saying it once makes no habit of it
  Register("a");
  ExpectAgent("a");
}

TEST_F(WhoActs, AnotherAgentMayRegisterWhereOneEnded) {
  Register("a");
  EndSession();
  Register("b");
  ExpectAgent("b");
  EndSession();
  ExpectNobody();
  EXPECT_THAT(err_, Not(HasSubstr("register a")));  // it is long since
}

TEST_F(WhoActs, TheNameOfOneThatEndedNamesNobody) {
  Register("a");
  EndSession();
  environment_["COORDHUB_AGENT"] = "a";
  ExpectNobody();
}

TEST_F(WhoActs, AnAgentOfAnEndedParentIsNobodyEither) {
  Register("a/x");
  EndSession();
  ExpectNobody();
}

TEST_F(WhoActs, AnImportIsRefusedWhereASessionEndedWithoutAWordHere) {
  AgentsAre(pb::Agent::STATE_ACTIVE);
  Register("a");
  AgentsAre(pb::Agent::STATE_EXPIRED);
  in_ = "- Mend it\n";
  EXPECT_EQ(Run({"ticket", "import", "-"}), 4);
  EXPECT_THAT(err_, HasSubstr("coordctl agent register a"));
  EXPECT_TRUE(
      hub_->Requests<pb::BatchCreateTicketsRequest>("TicketService/BatchCreateTickets").empty());
}

TEST_F(WhoActs, WhatIsTheOperatorsIsNotDoneForAnAgentUnawares) {
  Register("a");
  EXPECT_EQ(Run({"maintain", "--yes"}), 4);
  EXPECT_THAT(err_, HasSubstr("--as operator"));
  EXPECT_EQ(Run({"--as", "a", "maintain", "--yes"}), 4);
  EndSession();
  EXPECT_EQ(Run({"maintain", "--yes"}), 4);
  EXPECT_TRUE(hub_->Requests<pb::VerifyWorkspaceRequest>("HubService/VerifyWorkspace").empty());
}

// ---- the environment ----

TEST_F(WhoActs, AVariableThatIsEmptyNamesNobody) {
  for (const char* variable : {"COORDHUB_SESSION", "COORDHUB_AGENT"}) {
    environment_ = {{variable, ""}};
    ExpectNobody();
    EXPECT_EQ(Run({"--as", "operator", "ticket", "create", "--title", "x"}), 0) << err_;
  }
  environment_ = {{"COORDHUB_SESSION", ""}};
  Register("a");
}

TEST_F(WhoActs, AnOptionThatIsEmptyNamesNobody) {
  EchoCreate();
  for (const char* option : {"--as", "--session"}) {
    EXPECT_EQ(Run({option, "", "ticket", "create", "--title", "x"}), 2) << option;
  }
  EXPECT_TRUE(hub_->calls().empty());
}

TEST_F(WhoActs, TheEnvironmentsEndedSessionReadsOn) {
  environment_["COORDHUB_SESSION"] = "chs_ended";
  EndSession();
  const absl::Status over = base::MakeError(pb::ERROR_REASON_SESSION_ENDED, "over");
  Refuse<pb::GetHubRequest, pb::GetHubResponse>("HubService/GetHub", over);
  ListOne();
  EXPECT_EQ(Run({"ticket", "list"}), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("only reads"));
  EXPECT_EQ(LastToken(), "");
  // What changes something has no other name to go by.
  Refuse<pb::CreateTicketRequest, pb::CreateTicketResponse>("TicketService/CreateTicket", over);
  EXPECT_EQ(Create(), 4);
  EXPECT_EQ(LastToken(), "chs_ended");
}

// ---- what is kept cannot be read ----

struct Damage {
  std::string name;
  std::function<void(const std::string& file)> inflict;
};

class WhoActsAfter : public WhoActs, public testing::WithParamInterface<Damage> {};

TEST_P(WhoActsAfter, DamageToATokenIsNobody) {
  Register("a");
  GetParam().inflict(Kept() + "/a");
  ExpectNobody();
  EXPECT_EQ(Run({"--as", "operator", "ticket", "create", "--title", "x"}), 0) << err_;
  EXPECT_EQ(Run({"--as", "operator", "agent", "leave"}), 0) << err_;
  ExpectOperator();
}

TEST_P(WhoActsAfter, DamageToATokenAnAgentRegistersAgain) {
  Register("a");
  GetParam().inflict(Kept() + "/a");
  Register("b");
  ExpectAgent("b");
}

void Replace(const std::string& file, const std::string& content) {
  std::ofstream(file, std::ios::trunc) << content;
}

INSTANTIATE_TEST_SUITE_P(
    Some, WhoActsAfter,
    testing::ValuesIn<Damage>({
        {"Empty", [](const std::string& file) { Replace(file, ""); }},
        {"CutOff", [](const std::string& file) { Replace(file, "{\"agent\": \"a\", "); }},
        {"NoToken",
         [](const std::string& file) {
           Replace(file, R"({"agent": "a", "worktree": "/w", "hub": "", "token": ""})");
         }},
        {"OtherFields", [](const std::string& file) { Replace(file, "{\"token\": 7}"); }},
        {"TooLarge", [](const std::string& file) { Replace(file, std::string(1 << 20, ' ')); }},
        {"Link",
         [](const std::string& file) {
           const fs::path elsewhere = fs::path(file).parent_path().parent_path() / "../token";
           fs::rename(file, elsewhere);
           fs::create_symlink(elsewhere, file);
         }},
    }),
    [](const auto& test) { return test.param.name; });

TEST_F(WhoActs, SessionsThatCannotBeListedAreNotNone) {
  Register("a");
  const std::string kept = Kept();
  fs::rename(kept, kept + "~");
  Replace(kept, "");
  ExpectNobody();
}

TEST_F(WhoActs, AWorktreeWhoseIdIsDamagedIsNobodys) {
  Register("a");
  Replace(root_ + "/.git/coordhub-worktree", "");
  ExpectNobody();
  Register("a");
  ExpectAgent("a");
}

// ---- worktrees come and go ----

TEST_F(WhoActs, AWorktreeMadeLaterAtTheSamePathIsNobodys) {
  directory_ = AddWorktree("w");
  Register("one");
  ExpectAgent("one");
  RemoveWorktree("w");
  AddWorktree("w");
  ExpectOperator();
  Register("two");
  ExpectAgent("two");
}

TEST_F(WhoActs, AWorktreeThatIsMovedKeepsItsAgent) {
  directory_ = AddWorktree("w");
  Register("one");
  directory_ = MoveWorktree("w", "v");
  ExpectAgent("one");
  // Nobody is at the old place.
  directory_ = AddWorktree("x");
  ExpectOperator();
}

TEST_F(WhoActs, AWorktreeThatIsMovedStaysNobodys) {
  directory_ = AddWorktree("w");
  Register("one");
  EndSession();
  directory_ = MoveWorktree("w", "v");
  ExpectNobody();
}

TEST_F(WhoActs, ARepositoryThatIsMovedKeepsItsAgents) {
  Register("a");
  const std::string moved = root_ + "-moved";
  fs::rename(root_, moved);
  directory_ = moved;
  ExpectAgent("a");
  fs::rename(moved, root_);
}

// A version before kept sessions by path, where nobody can tell which worktree it was.
TEST_F(WhoActs, WhatAVersionBeforeKeptIsResumedByRegisteringAgain) {
  Register("a");
  const std::string by_id = Kept();
  const std::string by_path =
      root_ + "/.git/coordhub/sessions/" + base::HexEncode(base::Sha256(root_)).substr(0, 16);
  fs::rename(by_id, by_path);
  fs::remove(root_ + "/.git/coordhub-worktree");
  ExpectNobody();
  Register("a");
  EXPECT_EQ(RegisteredWith(), "chs_a");
  EXPECT_TRUE(fs::is_empty(by_path));
  ExpectAgent("a");
}

}  // namespace
}  // namespace coordhub::coordctl
