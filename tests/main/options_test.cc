#include "hub/main/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "agent/base/error.h"
#include "hub/main/state_pointer.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::hub {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class OptionsTest : public ::testing::Test {
 protected:
  void Git(const std::string& arguments) const {
    const std::string command =
        "cd '" + temp_.path() +
        "' && GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git -c user.name=t -c "
        "user.email=t@example.invalid " +
        arguments + " >/dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }

  base::TempDir temp_;
};

// Parses as `serve` would.
HubOptions Parse(const std::vector<std::string>& arguments) {
  CLI::App app;
  HubOptions options;
  AddServeOptions(&app, &options);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  app.parse(reversed);
  return options;
}

TEST_F(OptionsTest, ArgumentsSurviveTheWayToAnotherProcess) {
  const std::vector<std::string> arguments = {
      "--repo",      "/a",         "--repo",      "/b c",       "--state-dir", "/s",
      "--state-dir", "/t",         "--tcp",       "[::1]:7777", "--no-mirror", "--log-level",
      "debug",       "--log-file", "/x/log.json", "--pid-dir",  "/var/run"};
  const HubOptions options = Parse(arguments);
  EXPECT_THAT(options.repos, ElementsAre("/a", "/b c"));
  EXPECT_THAT(options.state_dirs, ElementsAre("/s", "/t"));
  const HubOptions again = Parse(ToArguments(options));
  EXPECT_EQ(again.repos, options.repos);
  EXPECT_EQ(again.state_dirs, options.state_dirs);
  EXPECT_EQ(again.tcp_address, "[::1]:7777");
  EXPECT_TRUE(again.no_mirror);
  EXPECT_EQ(again.log_level, "debug");
  EXPECT_EQ(again.log_file, "/x/log.json");
  EXPECT_EQ(again.pid_dir, "/var/run");
}

TEST_F(OptionsTest, ArgumentsForAnotherProcessAreAbsolute) {
  HubOptions options;
  options.mirror_dirs = {"m/../shared"};
  const std::string here = fs::current_path().string();
  EXPECT_THAT(ToArguments(options),
              ElementsAre("--repo", here, "--mirror-dir", here + "/shared", "--log-level", "info"));
}

TEST_F(OptionsTest, IntervalsAndPatternsSurviveItToo) {
  const HubOptions options =
      Parse({"--monitor-interval", "1m30s", "--coordinator-interval", "100ms", "--comms-interval",
             "24h", "--branch-pattern", "agent/*", "--branch-pattern", "x y", "--target-branch",
             "trunk", "--log-dir", "/logs", "--worktree-branch", "{agent}/{ticket}",
             "--worktree-branch", "x-{agent}"});
  EXPECT_EQ(options.intervals.monitor, absl::Seconds(90));
  EXPECT_EQ(options.intervals.coordinator, absl::Milliseconds(100));
  EXPECT_EQ(options.intervals.comms, absl::Hours(24));
  const HubOptions again = Parse(ToArguments(options));
  EXPECT_EQ(again.intervals.monitor, absl::Seconds(90));
  EXPECT_EQ(again.intervals.coordinator, absl::Milliseconds(100));
  EXPECT_EQ(again.intervals.comms, absl::Hours(24));
  EXPECT_THAT(again.branch_patterns, ElementsAre("agent/*", "x y"));
  EXPECT_EQ(again.target_branch, "trunk");
  EXPECT_THAT(again.worktree_branches, ElementsAre("{agent}/{ticket}", "x-{agent}"));
  EXPECT_THROW(Parse({"--worktree-branch", "no-placeholder"}), CLI::ValidationError);
  EXPECT_EQ(again.log_dir, "/logs");
  EXPECT_EQ(Parse({}).intervals.comms, absl::Seconds(15));
}

TEST_F(OptionsTest, TheClaimTimeoutSurvivesItAndHasBounds) {
  EXPECT_EQ(Parse(ToArguments(Parse({"--claim-timeout", "2h"}))).claim_timeout, absl::Hours(2));
  EXPECT_EQ(Parse({}).claim_timeout, absl::ZeroDuration());
  for (const char* bad : {"999ms", "168h1s", "2", "soon", "-1s", "0", ""}) {
    EXPECT_THROW(Parse({"--claim-timeout", bad}), CLI::ValidationError) << bad;
  }
}

TEST_F(OptionsTest, TheQuotaAndTheArchiveSurviveItAndHaveBounds) {
  const HubOptions options = Parse(ToArguments(
      Parse({"--text-quota", "500MiB", "--archive-after", "36h", "--archive-beyond", "1000"})));
  EXPECT_EQ(options.text_quota, 500 << 20);
  EXPECT_EQ(options.archive_after, absl::Hours(36));
  EXPECT_EQ(options.archive_beyond, 1000);
  EXPECT_EQ(Parse({}).text_quota, int64_t{4} << 30);
  EXPECT_EQ(Parse({"--text-quota", "0"}).text_quota, 0);
  EXPECT_EQ(Parse({"--text-quota", "12k"}).text_quota, 12 << 10);
  for (const char* bad : {"", "GiB", "1.5GiB", "-1", "4 PiB", "9999999TiB", "1GiBx"}) {
    EXPECT_THROW(Parse({"--text-quota", bad}), CLI::ValidationError) << bad;
  }
  EXPECT_THROW(Parse({"--archive-after", "59s"}), CLI::ValidationError);
  EXPECT_THROW(Parse({"--archive-beyond", "-1"}), CLI::ValidationError);
}

TEST_F(OptionsTest, IntervalsHaveBounds) {
  for (const char* bad : {"99ms", "24h1s", "15", "soon", "-1s", "0", "inf", ""}) {
    EXPECT_THROW(Parse({"--comms-interval", bad}), CLI::ValidationError) << bad;
  }
}

TEST_F(OptionsTest, LogsStandBesideTheJournalOrWhereTheyAreAsked) {
  Git("init one");
  Git("init two");
  HubOptions options = {.repos = {temp_ / "one"}};
  auto plans = PlanWorkspaces(options);
  EXPECT_EQ(plans->front().log_dir, temp_ / "one/.git/coordhub/logs");
  EXPECT_EQ(HubLogFile(options, *plans), temp_ / "one/.git/coordhub/logs/hub.log");
  options.log_dir = "/var/logs/";
  plans = PlanWorkspaces(options);
  EXPECT_EQ(plans->front().log_dir, "/var/logs");
  EXPECT_EQ(HubLogFile(options, *plans), "/var/logs/hub.log");
  options.repos.push_back(temp_ / "two");
  options.log_file = "/x/mine.json";
  plans = PlanWorkspaces(options);
  EXPECT_EQ(plans->back().log_dir, "/var/logs/two");
  EXPECT_EQ(HubLogFile(options, *plans), "/x/mine.json");
  EXPECT_EQ(plans->back().hub_log, "/x/mine.json");
}

TEST_F(OptionsTest, AnUnknownLogLevelIsRefused) {
  EXPECT_THROW(Parse({"--log-level", "loud"}), CLI::ValidationError);
  EXPECT_EQ(LogLevelOf("warning"), base::LogLevel::kWarning);
}

TEST_F(OptionsTest, ARepositoryIsItsCommonDirectoryFromAnyWorktree) {
  Git("init app");
  Git("-C app commit --allow-empty -m first");
  Git("-C app worktree add ../linked -b other");
  fs::create_directories(temp_ / "linked/deep/inside");
  const auto plans = PlanWorkspaces({.repos = {temp_ / "linked/deep/inside"}});
  ASSERT_TRUE(plans.ok()) << plans.status();
  const WorkspacePlan& plan = plans->front();
  EXPECT_EQ(plan.common_dir, temp_ / "app/.git");
  EXPECT_EQ(plan.workspace_id, "app");
  EXPECT_EQ(plan.state.dir(), temp_ / "app/.git/coordhub");
  EXPECT_EQ(plan.endpoint_file, temp_ / "app/.git/coordhub/endpoint");
  EXPECT_EQ(plan.mirror_dir, temp_ / "app/shared_state");
}

TEST_F(OptionsTest, ABareRepositoryIsMirroredOnlyOnRequest) {
  Git("init --bare served.git");
  auto plans = PlanWorkspaces({.repos = {temp_ / "served.git"}});
  ASSERT_TRUE(plans.ok()) << plans.status();
  EXPECT_EQ(plans->front().mirror_dir, "");
  EXPECT_EQ(plans->front().workspace_id, "served");
  plans = PlanWorkspaces({.repos = {temp_ / "served.git"}, .mirror_dirs = {temp_ / "view"}});
  ASSERT_TRUE(plans.ok()) << plans.status();
  EXPECT_EQ(plans->front().mirror_dir, temp_ / "view");
}

TEST_F(OptionsTest, TheMirrorIsInTheMainWorktreeWhereverTheGitDirectoryIs) {
  Git("init --separate-git-dir=gd app");
  const auto plans = PlanWorkspaces({.repos = {temp_ / "app"}});
  ASSERT_TRUE(plans.ok()) << plans.status();
  EXPECT_EQ(plans->front().common_dir, temp_ / "gd");
  EXPECT_EQ(plans->front().main_worktree, temp_ / "app");
  EXPECT_EQ(plans->front().mirror_dir, temp_ / "app/shared_state");
  const auto by_git_dir = PlanWorkspaces({.repos = {temp_ / "gd"}});
  ASSERT_TRUE(by_git_dir.ok()) << by_git_dir.status();
  EXPECT_EQ(by_git_dir->front().mirror_dir, "") << "nobody can tell where its worktree is";
}

TEST_F(OptionsTest, TheMirrorCanBeSwitchedOff) {
  Git("init app");
  HubOptions options = {.repos = {temp_ / "app"}};
  options.no_mirror = true;
  EXPECT_EQ(PlanWorkspaces(options)->front().mirror_dir, "");
}

TEST_F(OptionsTest, NamesAreUniqueInTheHub) {
  fs::create_directories(temp_ / "one");
  fs::create_directories(temp_ / "two");
  Git("init one/app");
  Git("init two/app");
  const auto plans = PlanWorkspaces({.repos = {temp_ / "one/app", temp_ / "two/app"}});
  ASSERT_TRUE(plans.ok()) << plans.status();
  EXPECT_EQ((*plans)[0].workspace_id, "app");
  EXPECT_EQ((*plans)[1].workspace_id, "app-2");
}

TEST_F(OptionsTest, TheSameRepositoryTwiceIsRefused) {
  Git("init app");
  fs::create_directory(temp_ / "app/src");
  const auto plans = PlanWorkspaces({.repos = {temp_ / "app", temp_ / "app/src"}});
  EXPECT_EQ(base::ReasonOf(plans.status()), v1::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(base::MetadataOf(plans.status(), "field"), "--repo");
}

TEST_F(OptionsTest, StateDirectoriesAreForAllOrNone) {
  Git("init one");
  Git("init two");
  const auto plans =
      PlanWorkspaces({.repos = {temp_ / "one", temp_ / "two"}, .state_dirs = {temp_ / "state"}});
  EXPECT_EQ(base::MetadataOf(plans.status(), "field"), "--state-dir");
}

TEST_F(OptionsTest, WhatIsNoRepositoryIsRefused) {
  EXPECT_EQ(base::ReasonOf(PlanWorkspaces({.repos = {temp_.path()}}).status()),
            v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
}

TEST_F(OptionsTest, TheEndpointFileLeadsToAStateDirectoryElsewhere) {
  Git("init app");
  fs::create_directory(temp_ / "app/.git/coordhub");
  base::EndpointFile endpoint;
  endpoint.endpoint = "unix:/x";
  endpoint.pid = 1;
  endpoint.state_dir = temp_ / "elsewhere";
  ASSERT_TRUE(base::WriteEndpointFile(temp_ / "app/.git/coordhub/endpoint", endpoint).ok());
  EXPECT_EQ(PlanWorkspaces({.repos = {temp_ / "app"}})->front().state.dir(), temp_ / "elsewhere");
  EXPECT_EQ(PlanWorkspaces({.repos = {temp_ / "app"}, .state_dirs = {temp_ / "third"}})
                ->front()
                .state.dir(),
            temp_ / "third");
}

TEST_F(OptionsTest, AStateDirectoryElsewhereIsRememberedUntilSaidOtherwise) {
  Git("init app");
  const std::string common_dir = temp_ / "app/.git";
  const auto state = [&] {
    return PlanWorkspaces({.repos = {temp_ / "app"}})->front().state.dir();
  };
  ASSERT_TRUE(PointToState(common_dir, base::StatePaths(temp_ / "else\nwhere")).ok());
  EXPECT_EQ(state(), temp_ / "else\nwhere");
  ASSERT_TRUE(PointToState(common_dir, base::StatePaths::UnderCommonDir(common_dir)).ok());
  EXPECT_EQ(state(), common_dir + "/coordhub");
  std::ofstream(common_dir + "/coordhub/state-dir") << "elsewhere\n";
  EXPECT_EQ(base::ReasonOf(PlanWorkspaces({.repos = {temp_ / "app"}}).status()),
            v1::ERROR_REASON_INVALID_FIELD);
  EXPECT_TRUE(PlanWorkspaces({.repos = {temp_ / "app"}, .state_dirs = {temp_ / "x"}}).ok());
}

}  // namespace
}  // namespace coordhub::hub
