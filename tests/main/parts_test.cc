// The smaller parts of hub/main: secrets, readiness, exit codes, the status report.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "agent/base/error.h"
#include "hub/main/exit_code.h"
#include "hub/main/readiness.h"
#include "hub/main/secrets.h"
#include "hub/main/status_report.h"
#include "tests/agent/base/temp_dir.h"

namespace coordhub::hub {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(LoadOrMakeSecret, MakesItOnceAndForThisUserAlone) {
  base::TempDir temp;
  int made = 0;
  const auto make = [&made] { return "secret " + std::to_string(++made); };
  EXPECT_EQ(*LoadOrMakeSecret(temp / "key", make), "secret 1");
  EXPECT_EQ(*LoadOrMakeSecret(temp / "key", make), "secret 1");
  EXPECT_EQ(made, 1);
  struct stat info {};
  ASSERT_EQ(stat((temp / "key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(LoadOrMakeSecret, RefusesOneThatOthersCanRead) {
  base::TempDir temp;
  std::ofstream(temp / "key") << "secret\n";
  ASSERT_EQ(chmod((temp / "key").c_str(), 0640), 0);
  const auto secret = LoadOrMakeSecret(temp / "key", [] { return "new"; });
  EXPECT_EQ(base::ReasonOf(secret.status()), v1::ERROR_REASON_STATE_DIR_UNUSABLE);
}

TEST(LoadOrMakeSecret, RefusesAnEmptyOne) {
  base::TempDir temp;
  std::ofstream(temp / "key") << "\n";
  ASSERT_EQ(chmod((temp / "key").c_str(), 0600), 0);
  EXPECT_EQ(base::ReasonOf(LoadOrMakeSecret(temp / "key", [] { return "new"; }).status()),
            v1::ERROR_REASON_STATE_DIR_UNUSABLE);
}

class ReadinessTest : public ::testing::Test {
 protected:
  ReadinessTest() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    reader_.Reset(ends[0]);
    writer_ = ReadinessWriter(ends[1]);
  }
  base::UniqueFd reader_;
  ReadinessWriter writer_;
};

TEST_F(ReadinessTest, TheReportArrivesWhole) {
  // More than a pipe holds, so that it comes in parts.
  const std::string text(200'000, 'x');
  std::thread writing([&] { writer_.Report({kRefused, text + "\n"}); });
  const auto report = ReadReadiness(reader_.get(), absl::Seconds(30));
  writing.join();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->exit_code, kRefused);
  EXPECT_EQ(report->text, text + "\n");
}

TEST_F(ReadinessTest, SilenceIsNoticed) {
  const auto report = ReadReadiness(reader_.get(), absl::Milliseconds(1));
  EXPECT_EQ(base::ReasonOf(report.status()), v1::ERROR_REASON_DEADLINE_PASSED);
}

TEST_F(ReadinessTest, AnEndWithoutAWordIsNoticed) {
  writer_ = ReadinessWriter();
  const auto report = ReadReadiness(reader_.get(), absl::Seconds(30));
  EXPECT_EQ(base::ReasonOf(report.status()), v1::ERROR_REASON_IO_FAILED);
}

TEST(ReadinessWriter, IsSilentWhenNobodyAsks) { ReadinessWriter().Report({kOk, "ready\n"}); }

TEST(ExitCodeOf, FollowsTheReason) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), kOk);
  EXPECT_EQ(ExitCodeOf(base::MakeFieldError("--repo", "twice")), kUsage);
  EXPECT_EQ(ExitCodeOf(base::MakeError(v1::ERROR_REASON_WORKSPACE_LOCKED, "held")), kRefused);
  EXPECT_EQ(ExitCodeOf(base::MakeError(v1::ERROR_REASON_JOURNAL_TOO_NEW, "new")), kRefused);
  EXPECT_EQ(ExitCodeOf(base::MakeError(v1::ERROR_REASON_HUB_UNREACHABLE, "none")), kNoHub);
  EXPECT_EQ(ExitCodeOf(base::MakeError(v1::ERROR_REASON_JOURNAL_DAMAGED, "bad")), kFailed);
  EXPECT_EQ(ExitCodeOf(base::MakeError(v1::ERROR_REASON_IO_FAILED, "bad")), kFailed);
}

v1::GetHubResponse LiveHub() {
  v1::GetHubResponse hub;
  hub.set_version("0.1.0");
  hub.set_pid(42);
  hub.mutable_start_time()->set_seconds(1'753'790'400);
  v1::Workspace& workspace = *hub.mutable_workspace();
  workspace.set_workspace_id("app");
  workspace.set_common_dir("/src/app/.git");
  workspace.set_log_id("abc");
  workspace.set_head_revision(17);
  workspace.set_mirrored_revision(17);
  workspace.set_active_agents(3);
  v1::TicketCount& count = *workspace.add_ticket_counts();
  count.set_state(v1::Ticket::STATE_OPEN);
  count.set_count(5);
  workspace.add_ticket_counts()->set_state(v1::Ticket::STATE_DONE);
  return hub;
}

base::EndpointFile Endpoint() {
  base::EndpointFile endpoint;
  endpoint.endpoint = "unix:/src/app/.git/coordhub/hub.sock";
  return endpoint;
}

TEST(StatusReport, IsShort) {
  EXPECT_EQ(StatusText(LiveHub(), Endpoint(), absl::UTCTimeZone()),
            "coordhub 0.1.0 running, pid 42, since 2025-07-29 12:00:00\n"
            "  repository  /src/app/.git (workspace app)\n"
            "  endpoint    unix:/src/app/.git/coordhub/hub.sock\n"
            "  log         revision 17, log abc\n"
            "  mirror      shared_state/ is current\n"
            "  agents      3 active\n"
            "  tickets     OPEN 5\n");
}

TEST(StatusReport, SaysWhatIsWrong) {
  v1::GetHubResponse hub = LiveHub();
  hub.set_draining(true);
  hub.mutable_workspace()->set_write_refusal("the disk is full");
  hub.mutable_workspace()->set_mirror_problem("no\x1b[31m directory");
  hub.mutable_workspace()->set_compact_revision(9);
  const std::string text = StatusText(hub, Endpoint(), absl::UTCTimeZone());
  EXPECT_THAT(text, HasSubstr("coordhub 0.1.0 draining, pid 42"));
  EXPECT_THAT(text, HasSubstr("  REFUSING    the disk is full\n"));
  EXPECT_THAT(text, HasSubstr("  mirror      FAILING: no directory\n"));
  EXPECT_THAT(text, HasSubstr("compacted up to 9"));
}

TEST(StatusReport, IsJsonForPrograms) {
  const auto object = nlohmann::json::parse(StatusJson(LiveHub(), Endpoint()));
  EXPECT_EQ(object["running"], true);
  EXPECT_EQ(object["pid"], 42);
  EXPECT_EQ(object["start_time"], "2025-07-29T12:00:00+00:00");
  EXPECT_EQ(object["tickets"]["OPEN"], 5);
  EXPECT_EQ(object["head_revision"], 17);
}

}  // namespace
}  // namespace coordhub::hub
