// How commands fail, and where they find the hub.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "agent/base/error.h"
#include "tests/agent/coordctl/commands_fixture.h"

namespace coordhub::coordctl {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(Commands, AnErrorSaysWhoAndHowWithItsExitCode) {
  Refuse<pb::GetTicketRequest, pb::GetTicketResponse>(
      "TicketService/GetTicket", base::MakeError(pb::ERROR_REASON_TICKET_NOT_FOUND,
                                                 "there is no ticket T-9", {{"ticket_id", "T-9"}}));
  EXPECT_EQ(Run({"ticket", "show", "T-9"}), 3);
  EXPECT_EQ(err_, "coordctl: there is no ticket T-9 (TICKET_NOT_FOUND)\n");
  EXPECT_EQ(out_, "");
}

TEST_F(Commands, AnErrorAsJsonHasTheWholeReason) {
  Refuse<pb::ClaimTicketRequest, pb::ClaimTicketResponse>(
      "TicketService/ClaimTicket",
      base::MakeError(pb::ERROR_REASON_TICKET_CLAIMED, "T-1 is claimed",
                      {{"ticket_id", "T-1"}, {"holder", "b"}, {"current_fence", "12"}}));
  EXPECT_EQ(Run({"ticket", "claim", "T-1", "--json"}), 4);
  const json error = json::parse(err_)["error"];
  EXPECT_EQ(error["code"], "FAILED_PRECONDITION");
  EXPECT_EQ(error["reason"], "TICKET_CLAIMED");
  EXPECT_EQ(error["metadata"]["holder"], "b");
  EXPECT_EQ(error["metadata"]["current_fence"], "12");
}

TEST_F(Commands, UsageErrorsExitWithTwoBeforeAnyCall) {
  const std::vector<std::vector<std::string>> lines = {
      {},
      {"tickets"},
      {"ticket"},
      {"ticket", "create"},
      {"ticket", "create", "--title", "x", "--nonsense"},
      {"ticket", "create", "--title", "x", "-p", "p9"},
      {"ticket", "list", "--state", "opne"},
      {"ticket", "next", "--wait", "soon"},
      {"ticket", "fail", "T-1"},
      {"ticket", "complete", "T-1", "--fence", "-3"},
      {"ticket", "update", "T-1"},
      {"ticket", "update", "T-1", "--title", "a", "--clear", "title"},
      {"watch", "--from", "3", "--snapshot"},
      {"agent", "hold", "--leave"},
      {"agent", "hold", "--pid", "0"},
      {"completion", "fish"},
      {"--color", "sometimes", "me"},
      {"--timeout", "x", "me"},
      {"--endpoint", "nonsense", "me"},
  };
  for (const auto& line : lines) {
    EXPECT_EQ(Run(line), 2) << (line.empty() ? "(nothing)" : line.back());
    EXPECT_THAT(err_, Not(IsEmpty()));
  }
  EXPECT_THAT(hub_->calls(), IsEmpty());
}

TEST_F(Commands, GlobalOptionsMayStandAnywhere) {
  EchoCreate();
  EXPECT_EQ(Run({"--json", "ticket", "create", "--title", "x"}), 0);
  EXPECT_EQ(Run({"ticket", "--json", "create", "--title", "x"}), 0);
  EXPECT_EQ(Run({"ticket", "create", "--title", "x", "--json"}), 0);
  EXPECT_THAT(out_, StartsWith("{"));
}

TEST_F(Commands, WithoutAHubTheExitCodeIsSix) {
  hub_.reset();
  EXPECT_EQ(Run({"--timeout", "100ms", "me"}), 6);
  EXPECT_THAT(err_, HasSubstr("HUB_UNREACHABLE"));
  std::filesystem::remove(root_ + "/.git/coordhub/endpoint");
  EXPECT_EQ(Run({"me"}), 6);
  EXPECT_THAT(err_, HasSubstr("coordhub start"));
  directory_ = "/";
  EXPECT_EQ(Run({"me"}), 6);
}

TEST_F(Commands, TheEnvironmentNamesAnotherHub) {
  EchoCreate();
  directory_ = "/";
  environment_["COORDHUB_ENDPOINT"] = hub_->endpoint();
  environment_["COORDHUB_WORKSPACE"] = "other";
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 0) << err_;
  EXPECT_EQ(hub_->Requests<pb::CreateTicketRequest>("TicketService/CreateTicket")[0].workspace_id(),
            "other");
  environment_["COORDHUB_ENDPOINT"] = "unix:/nowhere/hub.sock";
  EXPECT_EQ(Run({"--endpoint", hub_->endpoint(), "ticket", "create", "--title", "x"}), 0);
}

}  // namespace
}  // namespace coordhub::coordctl
