// Whole commands against a scripted hub: what they send, what they print, how they exit.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/client/proto_time.h"
#include "tests/agent/coordctl/coordctl_fixture.h"

namespace coordhub::coordctl {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class Commands : public CoordctlTest {
 protected:
  // Answers `method` with an error.
  template <class Request, class Response>
  void Refuse(const std::string& method, const absl::Status& status) {
    hub_->On<Request, Response>(method, [status](const Request&, Response*) { return status; });
  }

  // CreateTicket echoes its spec as T-7.
  void EchoCreate() {
    hub_->On<pb::CreateTicketRequest, pb::CreateTicketResponse>(
        "TicketService/CreateTicket",
        [](const pb::CreateTicketRequest& request, pb::CreateTicketResponse* response) {
          pb::Ticket& ticket = *response->mutable_ticket();
          ticket.set_ticket_id("T-7");
          ticket.set_state(pb::Ticket::STATE_OPEN);
          ticket.set_title(request.spec().title());
          ticket.set_priority(request.spec().priority());
          *ticket.mutable_labels() = request.spec().labels();
          return absl::OkStatus();
        });
  }

  // GetAgent answers with these claims.
  void Hold(std::vector<std::pair<std::string, int64_t>> claims) {
    hub_->On<pb::GetAgentRequest, pb::GetAgentResponse>(
        "AgentService/GetAgent",
        [claims](const pb::GetAgentRequest&, pb::GetAgentResponse* response) {
          response->mutable_agent()->set_agent_id("conversation-42");
          for (const auto& [ticket, fence] : claims) {
            pb::HeldClaim& claim = *response->add_claims();
            claim.set_ticket_id(ticket);
            claim.set_fence(fence);
          }
          return absl::OkStatus();
        });
  }

  void EchoComplete() {
    hub_->On<pb::CompleteTicketRequest, pb::CompleteTicketResponse>(
        "TicketService/CompleteTicket",
        [](const pb::CompleteTicketRequest& request, pb::CompleteTicketResponse* response) {
          response->mutable_ticket()->set_ticket_id(request.ticket_id());
          response->mutable_ticket()->set_state(pb::Ticket::STATE_DONE);
          return absl::OkStatus();
        });
  }
  // The ticket and fence of the last CompleteTicket.
  std::string Completed() {
    const auto request =
        hub_->Requests<pb::CompleteTicketRequest>("TicketService/CompleteTicket").back();
    return absl::StrCat(request.ticket_id(), "@", request.fence());
  }
};

// --- output

TEST_F(Commands, APlainLineForPrograms) {
  EchoCreate();
  EXPECT_EQ(Run({"ticket", "create", "--title", "Fix it", "-p", "p0", "-l", "b,c", "-l", "d"}), 0);
  EXPECT_EQ(out_, "T-7\tOPEN\tp0\t\t\tb,c,d\tFix it\n");
  EXPECT_THAT(err_, IsEmpty());
}

TEST_F(Commands, ASentenceWithColoursForPeople) {
  EchoCreate();
  terminal_ = true;
  EXPECT_EQ(Run({"ticket", "create", "--title", "Fix it"}), 0);
  EXPECT_EQ(out_, "\x1b[1mT-7\x1b[0m OPEN  Fix it\n");
  environment_["NO_COLOR"] = "1";
  EXPECT_EQ(Run({"ticket", "create", "--title", "Fix it"}), 0);
  EXPECT_EQ(out_, "T-7 OPEN  Fix it\n");
  EXPECT_EQ(Run({"--color", "always", "ticket", "create", "--title", "Fix it"}), 0);
  EXPECT_THAT(out_, HasSubstr("\x1b[1m"));
}

TEST_F(Commands, TheAnswerAsJsonOnOneLine) {
  EchoCreate();
  EXPECT_EQ(Run({"ticket", "create", "--title", "Fix it", "-p", "0", "--json"}), 0);
  const json answer = json::parse(out_);
  EXPECT_EQ(answer["ticket"]["ticketId"], "T-7");
  EXPECT_EQ(answer["ticket"]["priority"], 0);  // there although it is the default
  EXPECT_EQ(answer["revision"], "0");          // 64 bits are strings in protobuf's JSON
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 1);
}

TEST_F(Commands, NothingThatAnAgentWroteReachesTheTerminal) {
  hub_->On<pb::GetTicketRequest, pb::GetTicketResponse>(
      "TicketService/GetTicket", [](const pb::GetTicketRequest&, pb::GetTicketResponse* response) {
        const std::string evil = "\x1b]0;owned\x07\x1b[2Jx\ny\xe2\x80\xae";
        pb::Ticket& ticket = *response->mutable_ticket();
        ticket.set_ticket_id("T-1");
        ticket.set_title(evil);
        ticket.add_labels(evil);
        ticket.mutable_claim()->set_agent_id(evil);
        ticket.mutable_progress()->set_note(evil);
        ticket.mutable_outcome()->set_summary(evil);
        response->set_body(evil);
        pb::Comment& comment = *response->add_comments();
        comment.set_author(evil);
        comment.set_text(evil + "\nfence: 99");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"ticket", "show", "T-1"}), 0);
  for (const char* forbidden : {"\x1b", "\x07", "owned", "\xe2\x80\xae"}) {
    EXPECT_THAT(out_, Not(HasSubstr(forbidden)));
  }
  EXPECT_THAT(out_, Not(HasSubstr("\nfence: 99")));  // no text can pass for a line of ours
}

TEST_F(Commands, ListsAreAJsonArray) {
  hub_->On<pb::ListTicketsRequest, pb::ListTicketsResponse>(
      "TicketService/ListTickets",
      [](const pb::ListTicketsRequest& request, pb::ListTicketsResponse* response) {
        response->add_tickets()->set_ticket_id(request.page_token().empty() ? "T-1" : "T-2");
        if (request.page_token().empty()) response->set_next_page_token("2");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"ticket", "list", "--json"}), 0);
  const json tickets = json::parse(out_);
  ASSERT_EQ(tickets.size(), 2u);
  EXPECT_EQ(tickets[1]["ticketId"], "T-2");
}

TEST_F(Commands, AnEmptyListIsNothingOrAnEmptyArray) {
  hub_->On<pb::ListTicketsRequest, pb::ListTicketsResponse>(
      "TicketService/ListTickets",
      [](const pb::ListTicketsRequest&, pb::ListTicketsResponse*) { return absl::OkStatus(); });
  EXPECT_EQ(Run({"ticket", "list"}), 0);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(Run({"ticket", "list", "--json"}), 0);
  EXPECT_EQ(json::parse(out_), json::array());
}

TEST_F(Commands, ListShowsWhatStillNeedsSomething) {
  Run({"ticket", "list"});
  const auto requests = hub_->Requests<pb::ListTicketsRequest>("TicketService/ListTickets");
  EXPECT_THAT(requests.back().states(),
              ElementsAre(pb::Ticket::STATE_OPEN, pb::Ticket::STATE_CLAIMED,
                          pb::Ticket::STATE_BLOCKED, pb::Ticket::STATE_BURIED));
  Run({"ticket", "list", "--all"});
  EXPECT_THAT(hub_->Requests<pb::ListTicketsRequest>("TicketService/ListTickets").back().states(),
              IsEmpty());
}

// --- errors and exit codes

TEST_F(Commands, AnErrorSaysWhoAndHowWithItsExitCode) {
  Refuse<pb::GetTicketRequest, pb::GetTicketResponse>(
      "TicketService/GetTicket",
      base::MakeError(pb::ERROR_REASON_TICKET_NOT_FOUND, "there is no ticket T-9",
                      {{"ticket_id", "T-9"}}));
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

// --- who acts

TEST_F(Commands, RegisterKeepsTheTokenForThisWorktreeAndNobodyElse) {
  Register("conversation-42");
  EXPECT_THAT(out_ + err_, Not(HasSubstr("chs_")));
  const auto request =
      hub_->Requests<pb::RegisterAgentRequest>("AgentService/RegisterAgent").back();
  EXPECT_EQ(request.branch(), "conversation-42");
  EXPECT_EQ(request.worktree(), root_);
  EchoCreate();
  Run({"ticket", "create", "--title", "x"});
  EXPECT_EQ(LastToken(), "chs_conversation-42");
}

TEST_F(Commands, JsonOfRegisterHasTheTokenOnlyWhenAsked) {
  Register("a");
  EXPECT_EQ(Run({"agent", "register", "a", "--json"}), 0);
  EXPECT_EQ(json::parse(out_)["sessionToken"], "");
  EXPECT_EQ(Run({"agent", "register", "a", "--json", "--show-token"}), 0);
  EXPECT_EQ(json::parse(out_)["sessionToken"], "chs_a");
}

TEST_F(Commands, RegisterPresentsItsOwnTokenToResumeAndItsParentsForASubAgent) {
  Register("a");
  EXPECT_EQ(LastToken(), "");
  Register("a");
  EXPECT_EQ(LastToken(), "chs_a");
  Register("a/reviewer");
  const auto calls = hub_->calls();
  const auto registered =
      std::find_if(calls.rbegin(), calls.rend(), [](const ScriptedHub::Call& call) {
        return call.method == "AgentService/RegisterAgent";
      });
  EXPECT_EQ(registered->session_token, "chs_a");
}

TEST_F(Commands, RegisterBeginsANewSessionWhenTheOldOneIsOver) {
  Register("a");
  int calls = 0;
  hub_->On<pb::RegisterAgentRequest, pb::RegisterAgentResponse>(
      "AgentService/RegisterAgent",
      [&calls](const pb::RegisterAgentRequest&, pb::RegisterAgentResponse* response) {
        if (++calls == 1) return base::MakeError(pb::ERROR_REASON_SESSION_ENDED, "over");
        response->mutable_agent()->set_agent_id("a");
        response->set_session_token("chs_new");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"agent", "register", "a"}), 0) << err_;
  EXPECT_EQ(LastToken(), "");
  EchoCreate();
  Run({"ticket", "create", "--title", "x"});
  EXPECT_EQ(LastToken(), "chs_new");
}

TEST_F(Commands, TwoAgentsInOneWorktreeAreNotMistakenForEachOther) {
  Hold({});
  Register("a");
  Register("b");
  EchoCreate();
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 2);
  EXPECT_THAT(err_, HasSubstr("a, b"));
  EXPECT_EQ(Run({"--as", "b", "ticket", "create", "--title", "x"}), 0);
  EXPECT_EQ(LastToken(), "chs_b");
  environment_["COORDHUB_AGENT"] = "a";
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 0);
  EXPECT_EQ(LastToken(), "chs_a");
}

TEST_F(Commands, RegisterForgetsOthersWhoseSessionsAreOver) {
  Register("a");
  Refuse<pb::GetAgentRequest, pb::GetAgentResponse>(
      "AgentService/GetAgent", base::MakeError(pb::ERROR_REASON_SESSION_ENDED, "over"));
  Register("b");
  EchoCreate();
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 0) << err_;
  EXPECT_EQ(LastToken(), "chs_b");
}

TEST_F(Commands, TheMoreExplicitNamePrevails) {
  EchoCreate();
  const std::vector<std::string> create = {"ticket", "create", "--title", "x"};
  Run(create);
  EXPECT_EQ(LastToken(), "");  // nobody: the operator
  Register("a");
  Run(create);
  EXPECT_EQ(LastToken(), "chs_a");
  environment_["COORDHUB_SESSION"] = "chs_env";
  Run(create);
  EXPECT_EQ(LastToken(), "chs_env");
  Write("token", "chs_file\n");
  Run({"--session", root_ + "/token", "ticket", "create", "--title", "x"});
  EXPECT_EQ(LastToken(), "chs_file");
  Run({"--as", "a", "ticket", "create", "--title", "x"});
  EXPECT_EQ(LastToken(), "chs_a");
  Run({"--as", "operator", "ticket", "create", "--title", "x"});
  EXPECT_EQ(LastToken(), "");
}

TEST_F(Commands, AnAgentThatIsNotHereIsNotReplacedByTheOperator) {
  EchoCreate();
  environment_["COORDHUB_AGENT"] = "conversation-9";
  EXPECT_EQ(Run({"ticket", "create", "--title", "x"}), 4);
  EXPECT_THAT(err_, HasSubstr("agent register conversation-9"));
  EXPECT_THAT(hub_->calls(), IsEmpty());
}

TEST_F(Commands, LeaveForgetsTheToken) {
  Register("a");
  hub_->On<pb::DeregisterAgentRequest, pb::DeregisterAgentResponse>(
      "AgentService/DeregisterAgent",
      [](const pb::DeregisterAgentRequest&, pb::DeregisterAgentResponse* response) {
        response->mutable_agent()->set_agent_id("a");
        response->add_released_ticket_ids("T-3");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"agent", "leave"}), 0);
  EXPECT_EQ(out_, "a\tT-3\n");
  EchoCreate();
  Run({"ticket", "create", "--title", "x"});
  EXPECT_EQ(LastToken(), "");
}

TEST_F(Commands, ATokenFileServesOutsideOfRepositories) {
  Register("a");
  directory_ = "/";
  EXPECT_EQ(Run({"--endpoint", hub_->endpoint(), "agent", "register", "b"}), 3);
  const std::string file = root_ + "/b.token";
  EXPECT_EQ(
      Run({"--endpoint", hub_->endpoint(), "agent", "register", "b", "--token-file", file}), 0)
      << err_;
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EchoCreate();
  environment_["COORDHUB_SESSION"] = file;
  Run({"--endpoint", hub_->endpoint(), "ticket", "create", "--title", "x"});
  EXPECT_EQ(LastToken(), "chs_b");
}

TEST_F(Commands, AnOperatorsCallIsToldHowToBeTheOperator) {
  Register("a");
  Refuse<pb::CompactWorkspaceRequest, pb::CompactWorkspaceResponse>(
      "HubService/CompactWorkspace",
      base::MakeError(pb::ERROR_REASON_OPERATOR_REQUIRED, "only the operator"));
  EXPECT_EQ(Run({"hub", "compact"}), 4);
  EXPECT_THAT(err_, HasSubstr("--as operator"));
}

// --- which claim

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

// --- next

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

// --- update

TEST_F(Commands, UpdateNamesExactlyWhatWasGiven) {
  Run({"ticket", "update", "T-1", "--title", "New", "-p", "3", "--clear", "body,parent_ticket_id"});
  const auto request =
      hub_->Requests<pb::UpdateTicketRequest>("TicketService/UpdateTicket").back();
  EXPECT_THAT(request.update_mask().paths(),
              ElementsAre("body", "parent_ticket_id", "priority", "title"));
  EXPECT_EQ(request.spec().title(), "New");
  EXPECT_EQ(request.spec().priority(), 3);
}

TEST_F(Commands, LabelsAreEditedOnWhatTheTicketHasNow) {
  int64_t revision = 10;
  hub_->On<pb::GetTicketRequest, pb::GetTicketResponse>(
      "TicketService/GetTicket",
      [&revision](const pb::GetTicketRequest&, pb::GetTicketResponse* response) {
        response->mutable_ticket()->set_mod_revision(revision);
        response->mutable_ticket()->add_labels("a");
        response->mutable_ticket()->add_labels(revision == 10 ? "b" : "c");
        return absl::OkStatus();
      });
  hub_->On<pb::UpdateTicketRequest, pb::UpdateTicketResponse>(
      "TicketService/UpdateTicket",
      [&revision](const pb::UpdateTicketRequest& request, pb::UpdateTicketResponse*) {
        EXPECT_EQ(request.expected_revision(), revision);
        if (revision == 11) return absl::OkStatus();
        revision = 11;  // somebody was faster
        return base::MakeError(pb::ERROR_REASON_REVISION_MISMATCH, "changed");
      });
  EXPECT_EQ(Run({"ticket", "update", "T-1", "--add-label", "z", "--remove-label", "a"}), 0) << err_;
  const auto requests = hub_->Requests<pb::UpdateTicketRequest>("TicketService/UpdateTicket");
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_THAT(requests[1].spec().labels(), ElementsAre("c", "z"));
  EXPECT_NE(requests[0].request_id(), requests[1].request_id());
}

// --- import

class Import : public Commands {
 protected:
  Import() {
    hub_->On<pb::GetHubRequest, pb::GetHubResponse>(
        "HubService/GetHub", [this](const pb::GetHubRequest&, pb::GetHubResponse* response) {
          response->mutable_workspace()->set_head_revision(head_);
          return absl::OkStatus();
        });
    hub_->On<pb::BatchCreateTicketsRequest, pb::BatchCreateTicketsResponse>(
        "TicketService/BatchCreateTickets",
        [this](const pb::BatchCreateTicketsRequest& request,
               pb::BatchCreateTicketsResponse* response) {
          if (batches_ == fail_at_) return fail_with_;
          ++batches_;
          for (const pb::NewTicket& ticket : request.tickets()) {
            pb::Ticket& made = *response->add_tickets();
            made.set_ticket_id(absl::StrCat("T-", ++made_));
            made.set_title(ticket.spec().title());
            made.set_state(pb::Ticket::STATE_OPEN);
          }
          response->set_revision(made_);
          return absl::OkStatus();
        });
  }
  std::vector<pb::BatchCreateTicketsRequest> Sent() {
    return hub_->Requests<pb::BatchCreateTicketsRequest>("TicketService/BatchCreateTickets");
  }

  int64_t head_ = 0;
  int64_t made_ = 0;
  int batches_ = 0;
  int fail_at_ = -1;
  absl::Status fail_with_;
};

TEST_F(Import, MakesTicketsFromStandardInput) {
  in_ = "- a p1\n- b\n  - c\n";
  EXPECT_EQ(Run({"ticket", "import", "-", "--label", "plan"}), 0) << err_;
  EXPECT_EQ(out_, "T-1\tOPEN\tp0\t\t\t\ta\nT-2\tOPEN\tp0\t\t\t\tb\nT-3\tOPEN\tp0\t\t\t\tc\n");
  ASSERT_EQ(Sent().size(), 1u);
  EXPECT_EQ(Sent()[0].tickets(0).spec().priority(), 1);
  EXPECT_THAT(Sent()[0].tickets(0).spec().labels(), ElementsAre("plan"));
  EXPECT_EQ(Sent()[0].tickets(2).spec().parent_ticket_id(), "@line2");
}

TEST_F(Import, ABadLineMakesNothing) {
  Write("plan.md", "- a\nwords\n");
  EXPECT_EQ(Run({"ticket", "import", "plan.md"}), 2);
  EXPECT_THAT(err_, HasSubstr("plan.md, line 2"));
  EXPECT_THAT(hub_->calls(), IsEmpty());
}

TEST_F(Import, AFileThatIsNotThereIsAUsageError) {
  EXPECT_EQ(Run({"ticket", "import", "nowhere.md"}), 2);
  EXPECT_THAT(err_, HasSubstr("nowhere.md"));
}

TEST_F(Import, TakesJsonLinesByNameOrFirstCharacter) {
  Write("plan.jsonl", "{\"title\": \"a\"}\n");
  EXPECT_EQ(Run({"ticket", "import", "plan.jsonl"}), 0) << err_;
  in_ = "\n{\"title\": \"b\"}\n";
  EXPECT_EQ(Run({"ticket", "import", "-"}), 0) << err_;
  EXPECT_EQ(Sent().size(), 2u);
}

TEST_F(Import, WhatBrokeOffGoesOnWhenRepeated) {
  std::string plan;
  for (int i = 0; i < 1200; ++i) absl::StrAppend(&plan, "- t", i, "\n");
  Write("plan.md", plan);
  fail_at_ = 2;
  fail_with_ = base::MakeError(pb::ERROR_REASON_DISK_FULL, "no room");
  EXPECT_EQ(Run({"ticket", "import", "plan.md"}), 1);
  EXPECT_THAT(err_, HasSubstr("1000 of 1200 tickets were imported; repeat the command"));
  fail_at_ = -1;
  made_ = 0;
  head_ = 1000;  // the first two batches are there
  EXPECT_EQ(Run({"ticket", "import", "plan.md"}), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("1000 of them were there already"));
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 6u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sent[i].SerializeAsString(), sent[i + 3].SerializeAsString());
  }
}

TEST_F(Import, AgainMakesThemAnew) {
  in_ = "- a\n";
  Run({"ticket", "import", "-"});
  Run({"ticket", "import", "-", "--again"});
  ASSERT_EQ(Sent().size(), 2u);
  EXPECT_NE(Sent()[0].request_id(), Sent()[1].request_id());
}

TEST_F(Import, TheHubsRefusalIsToldByLine) {
  in_ = "- a\n\n- b\n";
  fail_at_ = 0;
  fail_with_ = base::MakeFieldError("tickets[1].spec.title", "is not to the hub's taste");
  EXPECT_EQ(Run({"ticket", "import", "-"}), 2);
  EXPECT_THAT(err_, HasSubstr("line 3"));
}

TEST_F(Import, DryRunAsksNobody) {
  in_ = "- a #x\n  - b p0\n";
  EXPECT_EQ(Run({"ticket", "import", "--dry-run", "-"}), 0);
  EXPECT_EQ(out_, "1\tp2\t\tx\ta\n2\tp0\t@line1\t\tb\n");
  EXPECT_THAT(hub_->calls(), IsEmpty());
}

TEST_F(Import, OfNothingIsFine) {
  EXPECT_EQ(Run({"ticket", "import", "-"}), 0);
  EXPECT_EQ(out_, "");
  EXPECT_THAT(Sent(), IsEmpty());
}

// --- the hub

TEST_F(Commands, HubAloneShowsAndASubcommandDoes) {
  hub_->On<pb::GetHubRequest, pb::GetHubResponse>(
      "HubService/GetHub", [](const pb::GetHubRequest&, pb::GetHubResponse* response) {
        response->set_version("0.1.0");
        response->mutable_workspace()->set_write_refusal("the disk is full");
        response->set_caller("operator");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"hub"}), 0);
  EXPECT_THAT(out_, HasSubstr("state: reads only\n"));
  EXPECT_THAT(out_, HasSubstr("writing refused: the disk is full\n"));
  hub_->On<pb::DrainHubRequest, pb::DrainHubResponse>(
      "HubService/DrainHub", [](const pb::DrainHubRequest&, pb::DrainHubResponse* response) {
        response->set_began(true);
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"hub", "drain", "-m", "upgrade"}), 0);
  EXPECT_EQ(out_, "draining\n");
  EXPECT_EQ(hub_->Requests<pb::DrainHubRequest>("HubService/DrainHub")[0].reason(), "upgrade");
}

TEST_F(Commands, BackupSendsAnAbsolutePath) {
  Run({"hub", "backup", "b/../c"});
  EXPECT_EQ(hub_->Requests<pb::BackupWorkspaceRequest>("HubService/BackupWorkspace")[0].directory(),
            root_ + "/c");
}

TEST_F(Commands, WatchWithoutFollowingPagesThroughTheLog) {
  hub_->On<pb::ListEventsRequest, pb::ListEventsResponse>(
      "EventService/ListEvents",
      [](const pb::ListEventsRequest& request, pb::ListEventsResponse* response) {
        pb::Event& event = *response->add_events();
        event.set_revision(request.page_token().empty() ? 8 : 9);
        event.set_kind(pb::EVENT_KIND_TICKET_CREATED);
        event.set_actor("a");
        event.add_changes()->mutable_ticket()->set_ticket_id("T-1");
        if (request.page_token().empty()) response->set_next_page_token("2");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"watch", "--from", "7", "--no-follow", "--kind", "ticket_created"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("8\t"));
  EXPECT_THAT(out_, HasSubstr("9\t"));
  EXPECT_THAT(out_, HasSubstr("\tticket_created\tT-1\ta\t"));
  EXPECT_EQ(hub_->Requests<pb::ListEventsRequest>("EventService/ListEvents")[0].after_revision(),
            7);
  EXPECT_EQ(Run({"watch", "--from", "7", "--no-follow", "--json", "--count", "1"}), 0);
  EXPECT_EQ(json::parse(out_)["event"]["revision"], "8");
}

}  // namespace
}  // namespace coordhub::coordctl
