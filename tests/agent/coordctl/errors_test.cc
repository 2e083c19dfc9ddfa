// How commands fail, and where they find the hub.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/base/error.h"
#include "agent/coordctl/listener.h"
#include "tests/agent/coordctl/commands_fixture.h"

namespace coordhub::coordctl {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// Time for one answer at the least, on a busy machine. A call that gets none waits for all of it.
constexpr char kOneAnswer[] = "2s";

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

TEST_F(Commands, AnUnknownWordIsNamedWithTheNearestCommand) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"tickets"}, "\"tickets\" is no command of coordctl; did you mean ticket?"},
      {{"ticket", "lst"}, "\"lst\" is no command of coordctl ticket; did you mean list?"},
      {{"ticket", "comp", "T-1"}, "did you mean complete?"},
      {{"hub", "verfiy"}, "\"verfiy\" is no command of coordctl hub; did you mean verify?"},
      {{"claim", "T-1"}, "did you mean coordctl ticket claim?"},
      {{"zzzzzz"}, "which has: agent, ticket,"},
      {{"ticket"}, "coordctl ticket needs one of: create, import,"},
      {{}, "coordctl needs one of: agent, ticket,"},
      {{"ticket", "list", "--lable", "x"},
       "--lable: is no option of coordctl ticket list; did you "
       "mean --label?"},
      {{"me", "too"}, "\"too\" is one word too many for coordctl me"},
  };
  for (const auto& [line, said] : cases) {
    EXPECT_EQ(Run(line), 2);
    EXPECT_THAT(err_, HasSubstr(said));
    EXPECT_EQ(out_, "");
  }
}

TEST_F(Commands, AUsageErrorAsJsonHasItsFieldAndTheNearest) {
  for (const std::vector<std::string>& line :
       {std::vector<std::string>{"--json", "tickets"}, {"tickets", "--json"}}) {
    EXPECT_EQ(Run(line), 2);
    const json error = json::parse(err_)["error"];
    EXPECT_EQ(error["code"], "INVALID_ARGUMENT");
    EXPECT_EQ(error["reason"], "INVALID_FIELD");
    EXPECT_EQ(error["metadata"]["field"], "COMMAND");
    EXPECT_EQ(error["metadata"]["nearest"], "ticket");
  }
  EXPECT_EQ(Run({"ticket", "list", "--state", "opne", "--json"}), 2);
  EXPECT_THAT(std::string(json::parse(err_)["error"]["message"]), HasSubstr("--state"));
}

TEST_F(Commands, StateAllIsToldTheOptionForIt) {
  EXPECT_EQ(Run({"ticket", "list", "--state", "all"}), 2);
  EXPECT_THAT(err_, HasSubstr("--all"));
  EXPECT_EQ(Run({"agent", "list", "--state", "ALL"}), 2);
  EXPECT_THAT(err_, HasSubstr("--all"));
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
  EXPECT_EQ(Run({"--timeout", kOneAnswer, "me"}), 6);
  EXPECT_THAT(err_, HasSubstr("HUB_UNREACHABLE"));
  EXPECT_THAT(err_, HasSubstr("coordhub start"));
  std::filesystem::remove(root_ + "/.git/coordhub/endpoint");
  EXPECT_EQ(Run({"me"}), 6);
  EXPECT_THAT(err_, HasSubstr("coordhub start"));
  directory_ = "/";
  EXPECT_EQ(Run({"me"}), 6);
}

TEST_F(Commands, ADeadHubCostsASecondUnlessMoreIsAskedFor) {
  const std::string socket = hub_->endpoint().substr(5);
  hub_.reset();
  const auto spent = [this](const std::vector<std::string>& line) {
    const base::MonoTime start = clock_.Mono();
    EXPECT_EQ(Run(line), 6);
    return clock_.Mono() - start;
  };
  EXPECT_LT(spent({"me"}), absl::Seconds(10));  // not the 30 s that a call may take
  EXPECT_GE(spent({"--timeout", "1500ms", "me"}), absl::Milliseconds(1500));
  EXPECT_LT(spent({"--timeout", "0", "ticket", "create", "--title", "x"}), absl::Seconds(1));
  // A socket file that nobody listens at is no hub either.
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  close(fd);  // as a hub that was killed leaves it
  EXPECT_EQ(Run({"--timeout", "0", "me"}), 6);
  EXPECT_THAT(err_, HasSubstr("nobody listens there"));
}

TEST_F(Commands, WhoListensIsAskedWithoutAConnection) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const std::string path = root_ + "/listener.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  EXPECT_TRUE(AwaitListener("unix:" + path, absl::ZeroDuration()).ok());
  EXPECT_EQ(accept(fd, nullptr, nullptr), -1);
  EXPECT_EQ(errno, EAGAIN);
  close(fd);
  EXPECT_FALSE(AwaitListener("unix:" + path, absl::ZeroDuration()).ok());
}

TEST_F(Commands, AHubThatComesBackInTimeIsWaitedFor) {
  const std::string socket = hub_->endpoint().substr(5);
  hub_.reset();
  std::thread starts([&] {
    auto hub = std::make_unique<ScriptedHub>(socket);
    hub->On<pb::GetHubRequest, pb::GetHubResponse>(
        "HubService/GetHub",
        [](const pb::GetHubRequest&, pb::GetHubResponse*) { return absl::OkStatus(); });
    hub_ = std::move(hub);
  });
  EXPECT_EQ(Run({"--timeout", "60s", "me"}), 0) << err_;
  starts.join();
}

// An orderly restart takes the endpoint file away for a while. Who acts is not decided before it is
// back.
TEST_F(Commands, AHubThatIsBeingReplacedIsWaitedForAndTheAgentActs) {
  Register("a");
  const std::string socket = hub_->endpoint().substr(5);
  std::filesystem::remove(root_ + "/.git/coordhub/endpoint");
  hub_.reset();
  std::thread starts([&] {
    hub_ = std::make_unique<ScriptedHub>(socket);
    EchoCreate();
    Announce();
  });
  EXPECT_EQ(Run({"--timeout", "60s", "ticket", "create", "--title", "x"}), 0) << err_;
  starts.join();
  EXPECT_EQ(LastToken(), "chs_a");
}

class UnknownOutcome : public Commands {
 protected:
  template <class Request, class Response>
  void LoseAnswers(const std::string& method) {
    Refuse<Request, Response>(method, absl::UnavailableError("Socket closed"));
  }
};

TEST_F(UnknownOutcome, SaysThatItMayHaveHappenedAndHowToRepeatIt) {
  LoseAnswers<pb::CreateTicketRequest, pb::CreateTicketResponse>("TicketService/CreateTicket");
  EXPECT_EQ(Run({"--timeout", kOneAnswer, "ticket", "create", "--title", "x"}), 6);
  EXPECT_THAT(err_, HasSubstr("It may have happened all the same."));
  const auto lost = hub_->Requests<pb::CreateTicketRequest>("TicketService/CreateTicket");
  ASSERT_FALSE(lost.empty());
  const std::string id = lost[0].request_id();
  EXPECT_THAT(err_, HasSubstr("--request-id " + id + "\n"));
  EchoCreate();
  EXPECT_EQ(Run({"ticket", "create", "--title", "x", "--request-id", id}), 0) << err_;
  const auto sent = hub_->Requests<pb::CreateTicketRequest>("TicketService/CreateTicket");
  EXPECT_EQ(sent.back().SerializeAsString(), sent.front().SerializeAsString());
}

TEST_F(UnknownOutcome, OfADeadlineToo) {
  Refuse<pb::CancelTicketRequest, pb::CancelTicketResponse>("TicketService/CancelTicket",
                                                            absl::DeadlineExceededError("late"));
  EXPECT_EQ(Run({"ticket", "cancel", "T-1", "--json"}), 6);
  const json error = json::parse(err_)["error"];
  EXPECT_EQ(error["mayHaveHappened"], true);
  EXPECT_THAT(std::string(error["repeatWith"]), StartsWith("--request-id "));
}

// When the claim has ended, the hub cannot tell any more what was meant.
TEST_F(UnknownOutcome, TheRepetitionNamesTheClaimThatWasMeant) {
  Register("conversation-42");
  Hold({{"T-5", 55}});
  LoseAnswers<pb::CompleteTicketRequest, pb::CompleteTicketResponse>(
      "TicketService/CompleteTicket");
  EXPECT_EQ(Run({"--timeout", kOneAnswer, "ticket", "complete"}), 6);
  EXPECT_THAT(err_, HasSubstr("--fence 55 T-5\n"));
  EXPECT_EQ(Run({"--timeout", kOneAnswer, "ticket", "complete", "T-5"}), 6);
  EXPECT_THAT(err_, HasSubstr("--fence 55\n"));
  Hold({});
  EchoComplete();
  EXPECT_EQ(Run({"ticket", "complete", "--request-id", "id-1", "--fence", "55", "T-5"}), 0) << err_;
  const auto sent =
      hub_->Requests<pb::CompleteTicketRequest>("TicketService/CompleteTicket").back();
  EXPECT_EQ(sent.request_id(), "id-1");
  EXPECT_EQ(sent.fence(), 55);
}

TEST_F(UnknownOutcome, NothingHappensByReadingOrWithoutAHub) {
  LoseAnswers<pb::GetTicketRequest, pb::GetTicketResponse>("TicketService/GetTicket");
  EXPECT_EQ(Run({"--timeout", kOneAnswer, "ticket", "show", "T-1"}), 6);
  EXPECT_THAT(err_, Not(HasSubstr("may have happened")));
  hub_.reset();
  EXPECT_EQ(Run({"--timeout", "0", "ticket", "create", "--title", "x"}), 6);
  EXPECT_THAT(err_, Not(HasSubstr("may have happened")));
}

// Each of its attempts says something else, and it may be repeated as it is.
TEST_F(UnknownOutcome, EditedLabelsNeedNoId) {
  hub_->On<pb::GetTicketRequest, pb::GetTicketResponse>(
      "TicketService/GetTicket",
      [](const pb::GetTicketRequest&, pb::GetTicketResponse*) { return absl::OkStatus(); });
  LoseAnswers<pb::UpdateTicketRequest, pb::UpdateTicketResponse>("TicketService/UpdateTicket");
  EXPECT_EQ(Run({"--timeout", kOneAnswer, "ticket", "update", "T-1", "--add-label", "x"}), 6);
  EXPECT_THAT(err_, HasSubstr("may have happened"));
  EXPECT_THAT(err_, Not(HasSubstr("--request-id")));
  EXPECT_EQ(Run({"ticket", "update", "T-1", "--add-label", "x", "--request-id", "a"}), 2);
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
