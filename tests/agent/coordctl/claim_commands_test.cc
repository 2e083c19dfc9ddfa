// Which claim a command means, and how work is claimed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/client/proto_time.h"
#include "tests/agent/coordctl/commands_fixture.h"

namespace coordhub::coordctl {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(Commands, TheFenceGivenPrevails) {
  EchoComplete();
  Register("conversation-42");
  environment_["COORDHUB_TICKET"] = "T-1";
  environment_["COORDHUB_FENCE"] = "11";
  EXPECT_EQ(Run({"ticket", "complete", "T-1", "--fence", "5"}), 0) << err_;
  EXPECT_EQ(Completed(), "T-1@5");
}

TEST_F(Commands, TheEnvironmentsFenceIsThatOfItsTicketOnly) {
  EchoComplete();
  Register("conversation-42");
  Hold({{"T-1", 11}, {"T-2", 22}});
  environment_["COORDHUB_TICKET"] = "T-1";
  environment_["COORDHUB_FENCE"] = "9";
  EXPECT_EQ(Run({"ticket", "complete"}), 0);
  EXPECT_EQ(Completed(), "T-1@9");
  EXPECT_EQ(Run({"ticket", "complete", "T-2"}), 0);
  EXPECT_EQ(Completed(), "T-2@22");
  environment_["COORDHUB_FENCE"] = "x";
  EXPECT_EQ(Run({"ticket", "complete"}), 2);
}

// A fence that is stated is compared, whether or not a ticket is.
class StatedFence : public Commands, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    Register("conversation-42");
    EchoComplete();
    Echo<pb::FailTicketRequest, pb::FailTicketResponse>("FailTicket");
    Echo<pb::ReleaseTicketRequest, pb::ReleaseTicketResponse>("ReleaseTicket");
    Echo<pb::RenewClaimRequest, pb::RenewClaimResponse>("RenewClaim");
    Echo<pb::UpdateProgressRequest, pb::UpdateProgressResponse>("UpdateProgress");
  }
  // What the verb does to a held ticket; `more` is added to its words.
  int Do(std::vector<std::string> more) {
    std::vector<std::string> words = {"ticket", GetParam()};
    if (GetParam() == "fail") words.insert(words.end(), {"--reason", "no"});
    words.insert(words.end(), more.begin(), more.end());
    last_ = "";
    const size_t calls = hub_->calls().size();
    const int code = Run(words);
    for (size_t i = calls; i < hub_->calls().size(); ++i) {
      const ScriptedHub::Call call = hub_->calls()[i];
      if (call.method.rfind("TicketService/", 0) == 0) last_ = TicketAndFence(call.bytes);
    }
    return code;
  }
  // Of the last call about a ticket; empty: there was none.
  std::string last_;

 private:
  template <class Request, class Response>
  void Echo(const std::string& method) {
    hub_->On<Request, Response>("TicketService/" + method,
                                [](const Request& request, Response* response) {
                                  response->mutable_ticket()->set_ticket_id(request.ticket_id());
                                  return absl::OkStatus();
                                });
  }
  // These requests have both under the same numbers.
  static std::string TicketAndFence(const std::string& bytes) {
    pb::CompleteTicketRequest request;
    (void)request.ParsePartialFromString(bytes);
    return absl::StrCat(request.ticket_id(), "@", request.fence());
  }
};

TEST_P(StatedFence, IsComparedWithoutATicket) {
  Hold({{"T-5", 9041}});
  EXPECT_EQ(Do({"--fence", "3"}), 4);
  EXPECT_THAT(err_, HasSubstr("CLAIM_SUPERSEDED"));
  EXPECT_THAT(err_, HasSubstr("T-5 under 9041"));
  EXPECT_EQ(last_, "");  // nothing was asked of the hub
  EXPECT_EQ(Do({"--fence", "9041"}), 0) << err_;
  EXPECT_EQ(last_, "T-5@9041");
}

TEST_P(StatedFence, SaysWhichOfSeveralClaimsIsMeant) {
  Hold({{"T-5", 55}, {"T-6", 66}});
  EXPECT_EQ(Do({"--fence", "66"}), 0) << err_;
  EXPECT_EQ(last_, "T-6@66");
  EXPECT_EQ(Do({"--fence", "65"}), 4);
}

TEST_P(StatedFence, OfTheEnvironmentIsComparedWithoutATicketThere) {
  Hold({{"T-5", 9041}});
  environment_["COORDHUB_FENCE"] = "3";
  EXPECT_EQ(Do({}), 4);
  EXPECT_THAT(err_, HasSubstr("CLAIM_SUPERSEDED"));
  EXPECT_EQ(Do({"T-5"}), 0) << err_;
  EXPECT_EQ(last_, "T-5@3");  // for the hub to refuse
  environment_["COORDHUB_TICKET"] = "";
  EXPECT_EQ(Do({}), 4);
  environment_["COORDHUB_FENCE"] = "9041";
  EXPECT_EQ(Do({}), 0) << err_;
  EXPECT_EQ(last_, "T-5@9041");
  environment_["COORDHUB_FENCE"] = "x";
  EXPECT_EQ(Do({}), 2);
}

INSTANTIATE_TEST_SUITE_P(To, StatedFence,
                         testing::Values("complete", "fail", "release", "progress", "renew"),
                         [](const auto& test) { return test.param; });

TEST_F(Commands, AForcedReleaseComparesTheFenceThatIsStated) {
  hub_->On<pb::ReleaseTicketRequest, pb::ReleaseTicketResponse>(
      "TicketService/ReleaseTicket",
      [](const pb::ReleaseTicketRequest& request, pb::ReleaseTicketResponse* response) {
        response->mutable_ticket()->set_ticket_id(request.ticket_id());
        return absl::OkStatus();
      });
  const auto fence = [this] {
    return hub_->Requests<pb::ReleaseTicketRequest>("TicketService/ReleaseTicket").back().fence();
  };
  EXPECT_EQ(Run({"ticket", "release", "T-5", "--force"}), 0) << err_;
  EXPECT_EQ(fence(), 0);
  EXPECT_EQ(Run({"ticket", "release", "T-5", "--force", "--fence", "7"}), 0) << err_;
  EXPECT_EQ(fence(), 7);
}

TEST_F(Commands, TheOnlyClaimNeedsNoName) {
  EchoComplete();
  Register("conversation-42");
  Hold({{"T-5", 55}});
  EXPECT_EQ(Run({"ticket", "complete"}), 0);
  EXPECT_EQ(Completed(), "T-5@55");
  Hold({{"T-5", 55}, {"T-6", 66}});
  EXPECT_EQ(Run({"ticket", "complete"}), 2);
  EXPECT_THAT(err_, HasSubstr("T-5, T-6"));
  Hold({});
  EXPECT_EQ(Run({"ticket", "complete"}), 4);
}

TEST_F(Commands, ALostClaimIsRefusedWithTheNameOfItsHolder) {
  Register("conversation-42");
  Hold({});
  hub_->On<pb::GetTicketRequest, pb::GetTicketResponse>(
      "TicketService/GetTicket",
      [](const pb::GetTicketRequest& request, pb::GetTicketResponse* response) {
        response->mutable_ticket()->set_ticket_id(request.ticket_id());
        response->mutable_ticket()->set_last_fence(99);
        response->mutable_ticket()->mutable_claim()->set_agent_id("conversation-7");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"ticket", "complete", "T-5"}), 4);
  EXPECT_THAT(err_, HasSubstr("conversation-7"));
  EXPECT_THAT(err_, HasSubstr("CLAIM_SUPERSEDED"));
  EXPECT_THAT(err_, HasSubstr("99"));
}

class Next : public Commands {
 protected:
  void Offer(bool work) {
    hub_->On<pb::ClaimNextTicketRequest, pb::ClaimNextTicketResponse>(
        "TicketService/ClaimNextTicket",
        [work](const pb::ClaimNextTicketRequest&, pb::ClaimNextTicketResponse* response) {
          if (!work) {
            response->mutable_no_work()->set_blocked(3);
            return absl::OkStatus();
          }
          response->mutable_ticket()->set_ticket_id("T-1");
          response->mutable_ticket()->set_title("Fix it");
          response->mutable_ticket()->mutable_claim()->set_fence(42);
          response->set_body("line one\nline two");
          return absl::OkStatus();
        });
  }
};

TEST_F(Next, PrintsWhatAnAgentNeeds) {
  Offer(true);
  EXPECT_EQ(Run({"ticket", "next"}), 0);
  EXPECT_THAT(out_, StartsWith("ticket: T-1\nfence: 42\ntitle: Fix it\n"));
  EXPECT_THAT(out_, HasSubstr("\n    line one\n    line two\n"));
  EXPECT_THAT(out_, EndsWith("export COORDHUB_TICKET=T-1 COORDHUB_FENCE=42\n"));
}

TEST_F(Next, ExportIsForAShell) {
  Offer(true);
  EXPECT_EQ(Run({"ticket", "next", "--export"}), 0);
  EXPECT_EQ(out_, "export COORDHUB_TICKET=T-1\nexport COORDHUB_FENCE=42\n");
}

TEST_F(Next, JsonIsOneObject) {
  Offer(true);
  EXPECT_EQ(Run({"ticket", "next", "--json"}), 0);
  const json answer = json::parse(out_);
  EXPECT_EQ(answer["ticket"]["claim"]["fence"], "42");
  EXPECT_EQ(answer["body"], "line one\nline two");
}

TEST_F(Next, NothingReadyIsFiveAndSaysWhy) {
  Offer(false);
  EXPECT_EQ(Run({"ticket", "next"}), 5);
  EXPECT_EQ(out_, "");
  EXPECT_THAT(err_, HasSubstr("3 blocked"));
  EXPECT_EQ(Run({"ticket", "next", "--json"}), 5);
  EXPECT_EQ(json::parse(out_)["noWork"]["blocked"], "3");
}

TEST_F(Next, PassesItsConditionsOn) {
  Offer(true);
  Run({"ticket", "next", "-l", "a", "--max-priority", "p1", "--wait", "90", "--claim-timeout",
       "2h"});
  const auto request =
      hub_->Requests<pb::ClaimNextTicketRequest>("TicketService/ClaimNextTicket").back();
  EXPECT_THAT(request.labels(), ElementsAre("a"));
  EXPECT_EQ(request.max_priority(), 1);
  EXPECT_EQ(agent::FromProto(request.wait()), absl::Seconds(90));
  EXPECT_EQ(agent::FromProto(request.claim_timeout()), absl::Hours(2));
}

}  // namespace
}  // namespace coordhub::coordctl
