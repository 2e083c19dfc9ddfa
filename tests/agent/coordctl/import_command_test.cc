// `ticket import` as a whole.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/manual_clock.h"
#include "tests/agent/coordctl/commands_fixture.h"

namespace coordhub::coordctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Import : public Commands {
 protected:
  Import() {
    hub_->On<pb::GetHubRequest, pb::GetHubResponse>(
        "HubService/GetHub", [this](const pb::GetHubRequest&, pb::GetHubResponse* response) {
          response->mutable_workspace()->set_head_revision(head_);
          return absl::OkStatus();
        });
    hub_->On<pb::BatchCreateTicketsRequest, pb::BatchCreateTicketsResponse>(
        "TicketService/BatchCreateTickets", [this](const pb::BatchCreateTicketsRequest& request,
                                                   pb::BatchCreateTicketsResponse* response) {
          if (batches_ == fail_at_) return fail_with_;
          if (on_batch_) on_batch_();
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
  std::function<void()> on_batch_;
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

TEST_F(Import, ProseIsSkippedAndCountedUnlessToldToBeStrict) {
  Write("plan.md", "Some words.\n\n- a\n- [x] b\n");
  EXPECT_EQ(Run({"ticket", "import", "plan.md"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\ta\n"));
  EXPECT_THAT(err_,
              HasSubstr("plan.md: skipped 1 line of prose, which no ticket is made of (line 1)"));
  EXPECT_THAT(err_, HasSubstr("plan.md: left out 1 task marked [x]"));
  EXPECT_EQ(Run({"ticket", "import", "--strict", "plan.md"}), 2);
  EXPECT_THAT(err_, HasSubstr("plan.md, line 1"));
}

TEST_F(Import, ABadLineMakesNothing) {
  Write("plan.md", "- a\n- b p1 p2\n");
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

TEST_F(Import, WhatIsRefusedGoesOnWhenItIsMended) {
  std::string plan;
  for (int i = 0; i < 600; ++i) absl::StrAppend(&plan, "- t", i, "\n");
  Write("plan.md", plan + "- bad\n");
  fail_at_ = 1;
  fail_with_ = base::MakeFieldError("tickets[100].spec.title", "is not to the hub's taste");
  EXPECT_EQ(Run({"ticket", "import", "plan.md"}), 2);
  EXPECT_THAT(err_,
              HasSubstr("line 601 of plan.md; 500 of 601 tickets were imported; mend the file "
                        "and repeat the command: what is there already is not made again"));
  fail_at_ = -1;
  Write("plan.md", plan + "- good\n");
  EXPECT_EQ(Run({"ticket", "import", "plan.md"}), 0) << err_;
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 4u);
  EXPECT_EQ(sent[0].SerializeAsString(), sent[2].SerializeAsString());
  EXPECT_NE(sent[1].request_id(), sent[3].request_id());
}

TEST_F(Import, NobodyIsToldToRepeatWhatCannotSucceed) {
  in_ = "- a\n";
  fail_at_ = 0;
  fail_with_ = base::MakeError(pb::ERROR_REASON_TOKEN_INVALID, "not ours");
  EXPECT_EQ(Run({"ticket", "import", "-"}), 4);
  EXPECT_THAT(err_, Not(HasSubstr("repeat")));
}

// Request ids are remembered by their sender: who may not be there any more when it goes on is none
// to begin with.
TEST_F(Import, IsTheOperatorsUnlessAnAgentIsNamed) {
  Register("a");
  in_ = "- a\n";
  EXPECT_EQ(Run({"ticket", "import", "-"}), 0) << err_;
  EXPECT_EQ(LastToken(), "");
  EXPECT_EQ(Run({"--as", "a", "ticket", "import", "-"}), 0) << err_;
  EXPECT_EQ(LastToken(), "chs_a");
}

TEST_F(Import, ATicketThatIsNotThereIsNamedWithItsLineBeforeAnythingIsMade) {
  hub_->On<pb::GetTicketRequest, pb::GetTicketResponse>(
      "TicketService/GetTicket",
      [](const pb::GetTicketRequest& request, pb::GetTicketResponse* response) {
        if (request.ticket_id() == "T-99999") {
          return base::MakeError(pb::ERROR_REASON_TICKET_NOT_FOUND, "there is no ticket T-99999");
        }
        response->mutable_ticket()->set_ticket_id(request.ticket_id());
        return absl::OkStatus();
      });
  Write("plan.jsonl",
        "{\"title\": \"a\", \"parent_ticket_id\": \"T-3\"}\n\n"
        "{\"title\": \"b\", \"dependencies\": [{\"ticket_id\": \"T-99999\"}]}\n");
  EXPECT_EQ(Run({"ticket", "import", "plan.jsonl"}), 2);
  EXPECT_THAT(err_, HasSubstr("plan.jsonl, line 3: there is no ticket T-99999"));
  EXPECT_THAT(Sent(), IsEmpty());
}

TEST_F(Import, ParentsInTheHubCountForTheDepth) {
  // T-1 below T-2 below …, below T-`levels`.
  int levels = 0;
  hub_->On<pb::GetTicketRequest, pb::GetTicketResponse>(
      "TicketService/GetTicket",
      [&levels](const pb::GetTicketRequest& request, pb::GetTicketResponse* response) {
        int number = 0;
        EXPECT_TRUE(absl::SimpleAtoi(request.ticket_id().substr(2), &number));
        if (number < levels) {
          response->mutable_ticket()->set_parent_ticket_id(absl::StrCat("T-", number + 1));
        }
        return absl::OkStatus();
      });
  Write("plan.jsonl", "{\"title\": \"a\", \"parent_ticket_id\": \"T-1\"}\n");
  levels = 17;
  EXPECT_EQ(Run({"ticket", "import", "plan.jsonl"}), 2);
  EXPECT_THAT(err_, HasSubstr("plan.jsonl, line 1: "));
  EXPECT_THAT(err_, HasSubstr("more than 16 parents"));
  levels = 16;
  EXPECT_EQ(Run({"ticket", "import", "plan.jsonl"}), 0) << err_;
}

TEST_F(Import, AnErrorAsJsonStandsAlone) {
  in_ = "prose\n\n- a\n";
  fail_at_ = 0;
  fail_with_ = base::MakeFieldError("tickets[0].spec.title", "is not to the hub's taste");
  EXPECT_EQ(Run({"ticket", "import", "--json", "-"}), 2);
  const nlohmann::json error = nlohmann::json::parse(err_)["error"];
  EXPECT_THAT(std::string(error["message"]), HasSubstr("line 3 of standard input"));
  fail_at_ = -1;
  EXPECT_EQ(Run({"ticket", "import", "--json", "-"}), 0);
  EXPECT_THAT(err_, HasSubstr("skipped 1 line"));
}

TEST_F(Import, ALongOneShowsHowFarItIs) {
  base::ManualClock clock;
  host_clock_ = &clock;
  terminal_ = true;
  on_batch_ = [&clock] { clock.Advance(absl::Milliseconds(1500)); };
  std::string plan;
  for (int i = 0; i < 1200; ++i) absl::StrAppend(&plan, "- t", i, "\n");
  Write("plan.md", plan);
  EXPECT_EQ(Run({"ticket", "import", "plan.md"}), 0) << err_;
  EXPECT_EQ(err_, "\r1000 of 1200 tickets\r1200 of 1200 tickets\n");
  EXPECT_EQ(Run({"ticket", "import", "plan.md", "--again", "--json"}), 0);
  EXPECT_THAT(err_, Not(HasSubstr("\r")));
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
  EXPECT_THAT(err_, HasSubstr("standard input: nothing to import: it has no list items"));
  Write("empty.jsonl", "\n");
  EXPECT_EQ(Run({"ticket", "import", "empty.jsonl"}), 0);
  EXPECT_THAT(err_, HasSubstr("empty.jsonl: nothing to import: it has no JSON lines"));
  EXPECT_THAT(Sent(), IsEmpty());
}

}  // namespace
}  // namespace coordhub::coordctl
