// What commands print: for people, for programs, as JSON.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_split.h"
#include "agent/base/error.h"
#include "agent/coordctl/json_output.h"
#include "tests/agent/coordctl/commands_fixture.h"

namespace coordhub::coordctl {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

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

TEST_F(Commands, ThePastSaysWhatOfItWasCompacted) {
  hub_->On<pb::ListEventsRequest, pb::ListEventsResponse>(
      "EventService/ListEvents",
      [](const pb::ListEventsRequest& request, pb::ListEventsResponse* response) {
        const bool second = !request.page_token().empty();
        response->set_start_revision(second ? 4 : 3);
        response->add_events()->set_revision(second ? 5 : 4);
        if (!second) response->set_next_page_token("2");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"watch", "--from", "0", "--no-follow"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("4\t"));
  EXPECT_EQ(err_,
            "coordctl: events up to revision 3 were compacted away; --snapshot begins with what "
            "they led to\n");
  EXPECT_EQ(Run({"watch", "--from", "0", "--no-follow", "--json"}), 0) << err_;
  EXPECT_EQ(json::parse(out_.substr(0, out_.find('\n'))),
            json::parse(R"({"compacted": {"revision": "3"}})"));
  EXPECT_EQ(err_, "");
  EXPECT_EQ(Run({"watch", "--from", "3", "--no-follow"}), 0) << err_;
  EXPECT_EQ(err_, "");
}

TEST_F(Commands, TheNewestComeFirstWhereThatIsAskedFor) {
  hub_->On<pb::ListEventsRequest, pb::ListEventsResponse>(
      "EventService/ListEvents",
      [](const pb::ListEventsRequest& request, pb::ListEventsResponse* response) {
        const bool second = !request.page_token().empty();
        response->set_start_revision(3);
        response->add_events()->set_revision(second ? 4 : 5);
        if (!second) response->set_next_page_token("2");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"watch", "--no-follow", "--newest", "--json"}), 0) << err_;
  EXPECT_TRUE(hub_->Requests<pb::ListEventsRequest>("EventService/ListEvents").back().descending());
  const std::vector<std::string> lines = absl::StrSplit(out_, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(json::parse(lines[0])["event"]["revision"], "5");
  EXPECT_EQ(json::parse(lines[2]), json::parse(R"({"compacted": {"revision": "3"}})"));

  hub_->On<pb::ListTicketsRequest, pb::ListTicketsResponse>(
      "TicketService/ListTickets",
      [](const pb::ListTicketsRequest&, pb::ListTicketsResponse*) { return absl::OkStatus(); });
  EXPECT_EQ(Run({"ticket", "list", "--newest"}), 0);
  EXPECT_TRUE(
      hub_->Requests<pb::ListTicketsRequest>("TicketService/ListTickets").back().descending());
}

TEST_F(Commands, AReasonThatTheRecordHasIsSaidOnce) {
  hub_->On<pb::ListEventsRequest, pb::ListEventsResponse>(
      "EventService/ListEvents",
      [](const pb::ListEventsRequest&, pb::ListEventsResponse* response) {
        pb::Event& event = *response->add_events();
        event.set_kind(pb::EVENT_KIND_AGENT_EXPIRED);
        event.set_reason("silent for 61s");
        pb::Agent& agent = *event.add_changes()->mutable_agent();
        agent.set_state(pb::Agent::STATE_EXPIRED);
        agent.set_end_reason("silent for 61s");
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"watch", "--from", "0", "--no-follow"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\tEXPIRED: silent for 61s\n"));
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

// Nor does it in JSON, whoever makes that.
TEST_F(Commands, JsonIsHarmlessOnATerminal) {
  static constexpr char kEvil[] = "\x7f\xc2\x9b\xe2\x80\xae\xff";
  const std::string text = DumpJson({{"text", kEvil}}, /*pretty=*/false);
  EXPECT_EQ(text, R"({"text":"\u007f\u009b\u202e\ufffd"})");
  hub_->On<pb::GetTicketRequest, pb::GetTicketResponse>(
      "TicketService/GetTicket", [](const pb::GetTicketRequest&, pb::GetTicketResponse*) {
        return base::MakeError(pb::ERROR_REASON_TICKET_NOT_FOUND, kEvil);
      });
  EXPECT_EQ(Run({"ticket", "show", "T-1", "--json"}), 3);
  EXPECT_TRUE(std::all_of(err_.begin(), err_.end(), [](char c) {
    return c == '\n' || (c >= ' ' && c < 0x7f);
  })) << err_;
  hub_->On<pb::GetHubRequest, pb::GetHubResponse>(
      "HubService/GetHub", [](const pb::GetHubRequest&, pb::GetHubResponse* response) {
        response->mutable_workspace()->set_write_refusal("\x7f\xc2\x9b\xe2\x80\xae");
        return absl::OkStatus();
      });
  ListOne();
  hub_->On<pb::ListAgentsRequest, pb::ListAgentsResponse>(
      "AgentService/ListAgents",
      [](const pb::ListAgentsRequest&, pb::ListAgentsResponse*) { return absl::OkStatus(); });
  EXPECT_EQ(Run({"status", "--json"}), 1) << err_;
  EXPECT_TRUE(std::all_of(out_.begin(), out_.end(), [](char c) {
    return c == '\n' || (c >= ' ' && c < 0x7f);
  })) << out_;
  EXPECT_EQ(json::parse(out_)["hub"]["workspace"]["writeRefusal"], "\x7f\xc2\x9b\xe2\x80\xae");
}

}  // namespace
}  // namespace coordhub::coordctl
