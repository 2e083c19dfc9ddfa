#include "agent/coordctl/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "agent/base/last_words.h"
#include "agent/client/proto_time.h"

namespace coordhub::coordctl {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HubDiagnosis : public testing::Test {
 protected:
  HubDiagnosis() { overview_.hub.set_version("1.0"); }

  // "area: what -> advice" of what is not fine.
  std::vector<std::string> Troubles() {
    std::vector<std::string> troubles;
    for (const Finding& finding : DiagnoseHub(overview_, stuck_, buried_, "1.0")) {
      if (finding.level == Finding::Level::kFine) continue;
      troubles.push_back(absl::StrCat(finding.area, ": ", finding.what, " -> ", finding.advice));
    }
    return troubles;
  }
  pb::Loop& AddLoop(const std::string& title, pb::Loop::State state) {
    pb::Loop& loop = overview_.loops.items.emplace_back();
    loop.set_title(title);
    loop.set_state(state);
    loop.mutable_interval()->set_seconds(60);
    return loop;
  }

  Overview overview_;
  std::vector<pb::Ticket> stuck_;
  std::vector<pb::Ticket> buried_;
};

TEST_F(HubDiagnosis, OfASoundHubFindsNothing) {
  AddLoop("Background Monitor", pb::Loop::STATE_RUNNING);
  EXPECT_THAT(Troubles(), IsEmpty());
}

TEST_F(HubDiagnosis, TellsLoopsThatDoNotRunFromOneAnother) {
  overview_.hub.mutable_workspace()->set_log_dir("/logs");
  AddLoop("A", pb::Loop::STATE_PAUSED).set_loop_id("monitor");
  AddLoop("B", pb::Loop::STATE_STALLED);
  pb::Loop& failed = AddLoop("C", pb::Loop::STATE_FAILED);
  failed.set_failure_count(3);
  failed.set_last_error("no\x1b[2J disk");
  EXPECT_THAT(
      Troubles(),
      ElementsAre("loops: A is paused -> coordctl --as operator loop resume monitor",
                  HasSubstr("B is stalled: what it does now takes longer than 1m"),
                  "loops: C failed 3 times: no disk -> it tries again by itself once the reason is "
                  "gone; its log is in /logs"));
}

TEST_F(HubDiagnosis, AnotherVersionAndAHubThatStopsAreToldButAreNoProblems) {
  overview_.hub.set_version("0.9");
  overview_.hub.set_draining(true);
  for (const Finding& finding : DiagnoseHub(overview_, {}, {}, "1.0")) {
    EXPECT_EQ(finding.level, Finding::Level::kWarning) << finding.what;
  }
  EXPECT_EQ(Troubles().size(), 2u);
}

TEST_F(HubDiagnosis, WritesRefusedAndAMirrorThatFails) {
  pb::Workspace& workspace = *overview_.hub.mutable_workspace();
  workspace.set_write_refusal("the disk is full");
  workspace.set_mirror_problem("shared_state is a file");
  EXPECT_THAT(Troubles(), ElementsAre(HasSubstr("journal: writing is refused: the disk is full"),
                                      HasSubstr("mirror: shared_state/ is not written")));
}

TEST_F(HubDiagnosis, AJournalThatNobodyCompacts) {
  pb::Workspace& workspace = *overview_.hub.mutable_workspace();
  workspace.set_retained_events(100);
  workspace.set_head_revision(200);
  EXPECT_THAT(Troubles(), IsEmpty());
  workspace.set_head_revision(201);
  EXPECT_THAT(Troubles(), Contains(HasSubstr("201 events are kept")));
}

TEST_F(HubDiagnosis, ARepositoryThatCannotBeObserved) {
  overview_.repository_status = absl::UnavailableError("reftable");
  EXPECT_THAT(Troubles(), ElementsAre(HasSubstr("repository: reftable")));
  overview_.repository_status = absl::OkStatus();
  overview_.worktrees.items.emplace_back().set_path("/w");
  overview_.worktrees.items.back().set_problem("its directory is gone");
  EXPECT_THAT(Troubles(), ElementsAre(HasSubstr("worktree /w: its directory is gone")));
}

TEST_F(HubDiagnosis, NamesAFewTicketsOfMany) {
  for (int i = 1; i <= 7; ++i) buried_.emplace_back().set_ticket_id(absl::StrCat("T-", i));
  EXPECT_THAT(Troubles(), ElementsAre(HasSubstr("T-1, T-2, T-3, T-4, T-5 and 2 more")));
}

TEST_F(HubDiagnosis, ASilentAgentWithItsTimes) {
  overview_.time = absl::UnixEpoch() + absl::Hours(1);
  pb::Agent& agent = overview_.agents.items.emplace_back();
  agent.set_agent_id("a");
  agent.set_state(pb::Agent::STATE_SUSPECT);
  *agent.mutable_last_seen_time() = agent::ToProto(overview_.time - absl::Seconds(40));
  *agent.mutable_expire_time() = agent::ToProto(overview_.time + absl::Seconds(20));
  EXPECT_THAT(Troubles(),
              ElementsAre(HasSubstr("a has been silent for 40s; its session ends in 20s")));
}

TEST_F(HubDiagnosis, AClaimThatIsHeldForLongIsCalledOutWithTheLastSignOfWork) {
  overview_.time = absl::UnixEpoch() + absl::Hours(10);
  const auto claim = [this](const std::string& id, absl::Duration age) -> pb::Ticket& {
    pb::Ticket& ticket = overview_.claimed.emplace_back();
    ticket.set_ticket_id(id);
    ticket.mutable_claim()->set_agent_id("ann");
    *ticket.mutable_claim()->mutable_claim_time() = agent::ToProto(overview_.time - age);
    return ticket;
  };
  claim("T-1", absl::Hours(6));
  *claim("T-2", absl::Hours(5)).mutable_last_work_time() =
      agent::ToProto(overview_.time - absl::Minutes(3));
  claim("T-3", absl::Hours(4));
  EXPECT_THAT(Troubles(),
              ElementsAre(HasSubstr("held for more than 4h: T-1 (ann, for 6h, last sign of work: "
                                    "none seen), T-2 (ann, for 5h, last sign of work: 3m ago)")));
  overview_.claim_age = absl::Hours(7);
  EXPECT_THAT(Troubles(), IsEmpty());
}

// What a hub leaves behind, without one.
class FileDiagnosis : public testing::Test {
 protected:
  FileDiagnosis() {
    std::string pattern = testing::TempDir() + "/diagnosisXXXXXX";
    dir_ = mkdtemp(pattern.data());
    repository_.common_dir = dir_ + "/repo/.git";
    repository_.git_dir = repository_.common_dir;
    repository_.worktree_root = dir_ + "/repo";
    std::filesystem::create_directories(State().logs());
    std::filesystem::create_directory(dir_ + "/repo/shared_state");
    std::filesystem::permissions(State().dir(), std::filesystem::perms::owner_all);
  }
  ~FileDiagnosis() override { std::filesystem::remove_all(dir_); }

  base::StatePaths State() const { return base::StatePaths::UnderCommonDir(dir_ + "/repo/.git"); }
  // What is found about `area`.
  std::vector<std::string> Findings(const std::string& area) {
    std::vector<std::string> findings;
    for (const Finding& finding : DiagnoseFiles(FindSite(repository_), now_)) {
      if (finding.area == area) findings.push_back(finding.what + " -> " + finding.advice);
    }
    return findings;
  }
  void Log(const std::string& path, const std::string& entry) {
    std::ofstream(path, std::ios::app)
        << R"({"ts":"2025-08-01T12:00:00Z","level":"error",)" << entry << "}\n";
  }
  void Announce(const base::EndpointFile& content) {
    ASSERT_TRUE(base::WriteEndpointFile(State().endpoint(), content).ok());
  }

  std::string dir_;
  base::GitLocation repository_;
  absl::Time now_ = absl::FromCivil(absl::CivilMinute(2025, 8, 1, 12, 10), absl::UTCTimeZone());
};

TEST_F(FileDiagnosis, ErrorsInTheHubsLogAreTold) {
  Log(State().logs() + "/hub.log", R"("msg":"no fsync","error":"EIO")");
  EXPECT_THAT(Findings("hub"), Contains(HasSubstr("1 error in the log within the last hour, the "
                                                  "newest: no fsync: EIO -> read " +
                                                  State().logs() + "/hub.log")));
}

TEST_F(FileDiagnosis, ALogElsewhereIsFoundWhereTheHubSays) {
  Announce({.endpoint = "unix:/nowhere", .pid = 1, .log_file = dir_ + "/mine.json"});
  Log(dir_ + "/mine.json", R"("msg":"no fsync")");
  EXPECT_THAT(Findings("hub"), Contains(HasSubstr("newest: no fsync")));
}

TEST_F(FileDiagnosis, ALineOfTheLogThatIsNotOursHarmsNothing) {
  Log(State().logs() + "/hub.log", R"("msg":7)");
  EXPECT_THAT(Findings("hub"), Contains(HasSubstr("1 error in the log")));
}

TEST_F(FileDiagnosis, TheLastWordsOfAHubAreTold) {
  const auto leave = [this] {
    return base::LeaveLastWords(repository_.common_dir, {now_, 42, "the lock was removed"});
  };
  ASSERT_TRUE(leave().ok());
  EXPECT_THAT(Findings("hub"), Contains(HasSubstr("the hub (process 42) stopped")));
  EXPECT_THAT(Findings("hub"), Contains(HasSubstr("the lock was removed")));
  std::filesystem::remove_all(State().dir());
  EXPECT_THAT(Findings("hub"), ElementsAre(HasSubstr("bring back")))
      << "and not that no hub was ever started";
}

TEST_F(FileDiagnosis, AJournalThatWasLostIsNotBegunAnew) {
  std::ofstream(State().workspace_key()) << "secret\n";
  EXPECT_THAT(Findings("journal"), Contains(HasSubstr("no hub starts without it")));
}

TEST_F(FileDiagnosis, TheMirrorIsTheMainWorktreesWhereverOneStands) {
  const std::string fine = dir_ + "/repo/shared_state is there and can be written -> ";
  EXPECT_THAT(Findings("mirror"), ElementsAre(fine));
  repository_.worktree_name = "linked";
  repository_.worktree_root = dir_ + "/linked";
  EXPECT_THAT(Findings("mirror"), ElementsAre(fine));
}

TEST_F(FileDiagnosis, TheMirrorIsWhereTheHubWritesIt) {
  Announce({.endpoint = "unix:/nowhere", .pid = 1, .mirror_dir = dir_ + "/elsewhere"});
  EXPECT_THAT(Findings("mirror"), ElementsAre(HasSubstr(dir_ + "/elsewhere does not exist")));
  Announce({.endpoint = "unix:/nowhere", .pid = 1, .mirror_dir = ""});
  EXPECT_THAT(Findings("mirror"), IsEmpty());
}

}  // namespace
}  // namespace coordhub::coordctl
