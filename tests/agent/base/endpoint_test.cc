#include "agent/base/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/file_mark.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::base {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(StatePaths, AllStandInTheStateDirectory) {
  const StatePaths paths = StatePaths::UnderCommonDir("/r/.git");
  EXPECT_EQ(paths.dir(), "/r/.git/coordhub");
  EXPECT_EQ(paths.journal(), "/r/.git/coordhub/journal.sqlite3");
  for (const std::string& path : {paths.lock(), paths.endpoint(), paths.socket(),
                                  paths.workspace_key(), paths.operator_token(), paths.snapshots(),
                                  paths.sessions(), paths.logs(), paths.hub_pid()}) {
    EXPECT_THAT(path, StartsWith("/r/.git/coordhub/"));
  }
}

class SocketPathTest : public testing::Test {
 protected:
  // A state directory whose socket's path has exactly `bytes` bytes.
  static StatePaths StateWithSocketOf(size_t bytes) {
    return StatePaths("/" + std::string(bytes - 1 - std::string("/hub.sock").size(), 'd'));
  }
  std::string OwnDir() const { return dir_ / ("coordhub-" + std::to_string(geteuid())); }

  TempDir dir_;
  RuntimeDirs runtime_{.xdg_runtime_dir = "", .tmp_dir = dir_.path()};
};

TEST_F(SocketPathTest, StandsInTheStateDirectoryWhileThatIsShortEnough) {
  const StatePaths fits = StateWithSocketOf(100);
  EXPECT_EQ(*ChooseSocketPath(fits, runtime_), fits.socket());
  EXPECT_FALSE(std::filesystem::exists(OwnDir()));
}

TEST_F(SocketPathTest, ElseInTheRuntimeDirectory) {
  std::filesystem::create_directory(dir_ / "run");
  ASSERT_EQ(chmod((dir_ / "run").c_str(), 0700), 0);
  runtime_.xdg_runtime_dir = dir_ / "run";
  const auto path = ChooseSocketPath(StateWithSocketOf(101), runtime_);
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_THAT(*path, testing::MatchesRegex(dir_ / "run/coordhub-[0-9a-f]{12}[.]sock"));
  EXPECT_EQ(*ChooseSocketPath(StateWithSocketOf(101), runtime_), *path);
  EXPECT_NE(*ChooseSocketPath(StateWithSocketOf(102), runtime_), *path);
}

TEST_F(SocketPathTest, ARuntimeDirectoryThatOthersMayEnterIsNotUsed) {
  std::filesystem::create_directory(dir_ / "run");
  ASSERT_EQ(chmod((dir_ / "run").c_str(), 0755), 0);
  runtime_.xdg_runtime_dir = dir_ / "run";
  EXPECT_THAT(*ChooseSocketPath(StateWithSocketOf(101), runtime_), StartsWith(OwnDir() + "/"));
}

TEST_F(SocketPathTest, WithoutOneInAPrivateDirectoryOfThisUsers) {
  const auto path = ChooseSocketPath(StateWithSocketOf(101), runtime_);
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_THAT(*path, testing::MatchesRegex(OwnDir() + "/[0-9a-f]{12}[.]sock"));
  struct stat info {};
  ASSERT_EQ(lstat(OwnDir().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
}

TEST_F(SocketPathTest, ADirectoryThatSomebodyPreparedIsRefused) {
  std::filesystem::create_directory(dir_ / "elsewhere");
  std::filesystem::create_directory_symlink(dir_ / "elsewhere", OwnDir());
  EXPECT_EQ(ReasonOf(ChooseSocketPath(StateWithSocketOf(101), runtime_).status()),
            pb::ERROR_REASON_STATE_DIR_UNUSABLE);
  std::filesystem::remove(OwnDir());
  std::filesystem::create_directory(OwnDir());
  ASSERT_EQ(chmod(OwnDir().c_str(), 0777), 0);
  EXPECT_EQ(ReasonOf(ChooseSocketPath(StateWithSocketOf(101), runtime_).status()),
            pb::ERROR_REASON_STATE_DIR_UNUSABLE);
}

TEST_F(SocketPathTest, NowhereShortEnoughIsAnError) {
  runtime_.tmp_dir = "/" + std::string(90, 't');
  runtime_.xdg_runtime_dir = "/" + std::string(90, 'x');
  EXPECT_EQ(ReasonOf(ChooseSocketPath(StateWithSocketOf(101), runtime_).status()),
            pb::ERROR_REASON_STATE_DIR_UNUSABLE);
}

TEST(EndpointFile, RoundTripsAndIsPrivate) {
  const TempDir dir;
  const std::string path = dir / "endpoint";
  const EndpointFile written{.endpoint = "unix:/r/.git/coordhub/hub.sock",
                             .tcp = "127.0.0.1:4711",
                             .pid = 4242,
                             .log_id = "0123",
                             .workspace = "repo",
                             .state_dir = "/var/lib/x"};
  ASSERT_TRUE(WriteEndpointFile(path, written).ok());
  struct stat info {};
  ASSERT_EQ(lstat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  const auto read = ReadEndpointFile(path);
  ASSERT_TRUE(read.ok() && read->has_value()) << read.status();
  EXPECT_EQ((*read)->endpoint, written.endpoint);
  EXPECT_EQ((*read)->tcp, written.tcp);
  EXPECT_EQ((*read)->pid, written.pid);
  EXPECT_EQ((*read)->log_id, written.log_id);
  EXPECT_EQ((*read)->workspace, written.workspace);
  EXPECT_EQ((*read)->state_dir, written.state_dir);
}

TEST(EndpointFile, IsOneLineOfJsonThatScriptsMayRead) {
  const TempDir dir;
  ASSERT_TRUE(WriteEndpointFile(dir / "e",
                                {.endpoint = "unix:/s", .pid = 7, .log_id = "l", .workspace = "w"})
                  .ok());
  EXPECT_EQ(**ReadFile(dir / "e", 1000),
            "{\"endpoint\":\"unix:/s\",\"tcp\":\"\",\"pid\":7,\"log_id\":\"l\",\"workspace\":\"w\","
            "\"home\":\"" +
                FileMark::At(dir.path())->ToString() + "\"}\n");
}

// What lies in the repository is named from the file, so that it is right wherever that is.
TEST(EndpointFile, GoesWithItsRepository) {
  const TempDir dir;
  const std::string state = dir / "r/.git/coordhub";
  std::filesystem::create_directories(state);
  ASSERT_TRUE(WriteEndpointFile(state + "/endpoint", {.endpoint = "unix:" + state + "/hub.sock",
                                                      .pid = 7,
                                                      .state_dir = dir / "r/state",
                                                      .log_file = "/var/log/hub.log",
                                                      .mirror_dir = dir / "r/shared_state"})
                  .ok());
  EXPECT_THAT(**ReadFile(state + "/endpoint", 1000), testing::Not(HasSubstr(dir.path())));
  std::filesystem::rename(dir / "r", dir / "moved");
  const auto read = ReadEndpointFile(dir / "moved/.git/coordhub/endpoint");
  ASSERT_TRUE(read.ok() && read->has_value()) << read.status();
  EXPECT_EQ((*read)->endpoint, "unix:" + dir / "moved/.git/coordhub/hub.sock");
  EXPECT_EQ((*read)->state_dir, dir / "moved/state");
  EXPECT_EQ((*read)->log_file, "/var/log/hub.log");
  EXPECT_EQ((*read)->mirror_dir, dir / "moved/shared_state");
}

// Where it has to name a place elsewhere, a copy of it would lead to the hub of what was copied.
TEST(EndpointFile, ACopyThatLeadsToAnotherRepositorysHubIsNone) {
  const TempDir dir;
  const std::string state = dir / "r/.git/coordhub";
  std::filesystem::create_directories(state);
  ASSERT_TRUE(
      WriteEndpointFile(state + "/endpoint", {.endpoint = "unix:/run/x.sock", .pid = 7}).ok());
  std::filesystem::copy(dir / "r", dir / "copy", std::filesystem::copy_options::recursive);
  const auto copied = ReadEndpointFile(dir / "copy/.git/coordhub/endpoint");
  ASSERT_TRUE(copied.ok()) << copied.status();
  EXPECT_FALSE(copied->has_value());
  std::filesystem::rename(dir / "r", dir / "moved");
  const auto moved = ReadEndpointFile(dir / "moved/.git/coordhub/endpoint");
  ASSERT_TRUE(moved.ok() && moved->has_value()) << moved.status();
  EXPECT_EQ((*moved)->endpoint, "unix:/run/x.sock");
}

TEST(EndpointFile, SaysWhereLogAndMirrorAreIfTheHubDoes) {
  const TempDir dir;
  EndpointFile content = {.endpoint = "unix:/s", .pid = 7};
  ASSERT_TRUE(WriteEndpointFile(dir / "e", content).ok());
  EXPECT_EQ((*ReadEndpointFile(dir / "e"))->log_file, "");
  EXPECT_FALSE((*ReadEndpointFile(dir / "e"))->mirror_dir.has_value());
  content.log_file = "/var/log/hub.log";
  content.mirror_dir = "";
  ASSERT_TRUE(WriteEndpointFile(dir / "e", content).ok());
  EXPECT_EQ((*ReadEndpointFile(dir / "e"))->log_file, "/var/log/hub.log");
  EXPECT_EQ((*ReadEndpointFile(dir / "e"))->mirror_dir, "") << "it is told that there is none";
}

TEST(EndpointFile, MissingIsNotAnErrorButGarbageIs) {
  const TempDir dir;
  const std::string path = dir / "endpoint";
  const auto missing = ReadEndpointFile(path);
  ASSERT_TRUE(missing.ok());
  EXPECT_FALSE(missing->has_value());
  for (const char* garbage :
       {"", "{", "[]", "null", "7", "{}", R"({"endpoint":7,"pid":1})", R"({"endpoint":"","pid":1})",
        R"({"endpoint":"unix:/s"})", R"({"endpoint":"unix:/s","pid":"1"})",
        R"({"endpoint":"unix:/s","pid":1,"tcp":[]})",
        R"({"endpoint":"unix:/s","pid":1,"mirror_dir":7})", "\xff\xfe"}) {
    ASSERT_TRUE(AtomicReplaceFile(path, garbage, 0600, Sync::kNo).ok());
    EXPECT_EQ(ReasonOf(ReadEndpointFile(path).status()), pb::ERROR_REASON_IO_FAILED) << garbage;
  }
}

TEST(EndpointFile, UnknownKeysOfANewerHubAreIgnored) {
  const TempDir dir;
  ASSERT_TRUE(
      AtomicReplaceFile(dir / "e", R"({"endpoint":"unix:/s","pid":1,"future":{}})", 0600, Sync::kNo)
          .ok());
  EXPECT_EQ((*ReadEndpointFile(dir / "e"))->endpoint, "unix:/s");
}

class ResolveEndpointTest : public testing::Test {
 protected:
  void SetUp() override {
    // As little of a repository as git itself accepts.
    std::filesystem::create_directories(dir_ / "repo/.git/objects");
    std::filesystem::create_directories(dir_ / "repo/.git/refs");
    ASSERT_TRUE(
        AtomicReplaceFile(dir_ / "repo/.git/HEAD", "ref: refs/heads/main\n", 0600, Sync::kNo).ok());
    std::filesystem::create_directory(state_.dir());
  }

  void StartHub(const std::string& state_dir = "") {
    ASSERT_TRUE(WriteEndpointFile(state_.endpoint(), {.endpoint = "unix:" + state_.socket(),
                                                      .tcp = "127.0.0.1:4711",
                                                      .pid = 1,
                                                      .log_id = "l",
                                                      .workspace = "repo",
                                                      .state_dir = state_dir})
                    .ok());
  }
  absl::StatusOr<ResolvedEndpoint> Resolve(const std::string& flag,
                                           const std::string& environment) {
    return ResolveEndpoint({.flag = flag, .environment = environment, .directory = dir_ / "repo"});
  }

  TempDir dir_;
  StatePaths state_ = StatePaths::UnderCommonDir(dir_ / "repo/.git");
};

TEST_F(ResolveEndpointTest, FindsTheHubOfTheRepositoryItStandsIn) {
  StartHub();
  const auto resolved = Resolve("", "");
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(resolved->target, "unix:" + state_.socket());
  EXPECT_EQ(resolved->state_dir, state_.dir());
  EXPECT_EQ(resolved->workspace, "repo");
  EXPECT_TRUE(resolved->is_unix);
}

TEST_F(ResolveEndpointTest, AStateDirectoryElsewhereIsNamedByTheFile) {
  StartHub("/var/lib/x");
  EXPECT_EQ(Resolve("", "")->state_dir, "/var/lib/x");
}

TEST_F(ResolveEndpointTest, FlagBeforeEnvironmentBeforeDirectory) {
  StartHub();
  EXPECT_EQ(Resolve("unix:/flag", "unix:/environment")->target, "unix:/flag");
  EXPECT_EQ(Resolve("", "unix:/environment")->target, "unix:/environment");
  EXPECT_EQ(Resolve("unix:/flag", "")->state_dir, "") << "another hub's tokens do not fit";
}

TEST_F(ResolveEndpointTest, AnExplicitEndpointOfTheLocalHubStillKnowsItsState) {
  StartHub();
  for (const std::string& explicitly : {"unix:" + state_.socket(), std::string("127.0.0.1:4711")}) {
    const auto resolved = Resolve(explicitly, "");
    ASSERT_TRUE(resolved.ok());
    EXPECT_EQ(resolved->state_dir, state_.dir());
    EXPECT_EQ(resolved->workspace, "repo");
  }
  EXPECT_FALSE(Resolve("127.0.0.1:4711", "")->is_unix);
}

// By another path to the same socket one would be a stranger, whose worktree has no agent.
TEST_F(ResolveEndpointTest, TheLocalHubIsKnownByWhateverPath) {
  StartHub();
  std::ofstream(state_.socket()) << "";
  std::filesystem::create_directory_symlink(dir_ / "repo", dir_ / "link");
  const std::string other = dir_ / "link/.git/coordhub/hub.sock";
  EXPECT_EQ(Resolve("unix:" + other, "")->state_dir, state_.dir());
  EXPECT_EQ(Resolve("", other)->workspace, "repo");
}

TEST_F(ResolveEndpointTest, EveryAcceptedFormAndItsTarget) {
  const std::pair<const char*, const char*> cases[] = {
      {"unix:/a/b", "unix:/a/b"},
      {"unix:///a/b", "unix:/a/b"},
      {"/a/b", "unix:/a/b"},
      {"localhost:1", "localhost:1"},
      {"127.0.0.1:65535", "127.0.0.1:65535"},
      {"[::1]:80", "[::1]:80"},
      {"my-host.example:50051", "my-host.example:50051"}};
  for (const auto& [given, target] : cases) {
    const auto resolved = Resolve(given, "");
    ASSERT_TRUE(resolved.ok()) << given << ": " << resolved.status();
    EXPECT_EQ(resolved->target, target);
  }
}

TEST_F(ResolveEndpointTest, AnyOtherFormIsRefusedNamingWhereItCameFrom) {
  for (const char* bad :
       {"unix:", "unix:relative", "unix://host/path", "relative", "host", "host:", ":1", "host:0",
        "host:65536", "host:x", "http://host:80", "ho st:1", "[]:1", "[x]:1", "/", "//a", " "}) {
    const auto by_flag = Resolve(bad, "");
    EXPECT_EQ(ReasonOf(by_flag.status()), pb::ERROR_REASON_INVALID_FIELD) << bad;
    EXPECT_EQ(MetadataOf(by_flag.status(), "field"), "--endpoint");
    EXPECT_EQ(MetadataOf(Resolve("", bad).status(), "field"), "COORDHUB_ENDPOINT");
  }
}

TEST_F(ResolveEndpointTest, NoHubSaysSoAndHowToStartOne) {
  const auto resolved = Resolve("", "");
  EXPECT_EQ(ReasonOf(resolved.status()), pb::ERROR_REASON_HUB_UNREACHABLE);
  EXPECT_EQ(MetadataOf(resolved.status(), "endpoint"), state_.endpoint());
  EXPECT_THAT(std::string(resolved.status().message()), HasSubstr("coordhub start"));
}

TEST_F(ResolveEndpointTest, OutsideARepositoryOnlyAnExplicitEndpointHelps) {
  const std::string outside = dir_ / "missing";
  EXPECT_EQ(
      ReasonOf(ResolveEndpoint({.flag = "", .environment = "", .directory = outside}).status()),
      pb::ERROR_REASON_WORKSPACE_NOT_FOUND);
  EXPECT_TRUE(ResolveEndpoint({.flag = "unix:/s", .environment = "", .directory = outside}).ok());
}

}  // namespace
}  // namespace coordhub::base
