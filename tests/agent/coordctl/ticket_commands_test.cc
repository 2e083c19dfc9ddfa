// Commands that change tickets, the hub, and the log without following it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/base/error.h"
#include "tests/agent/coordctl/commands_fixture.h"

namespace coordhub::coordctl {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(Commands, UpdateNamesExactlyWhatWasGiven) {
  Run({"ticket", "update", "T-1", "--title", "New", "-p", "3", "--clear", "body,parent_ticket_id"});
  const auto request = hub_->Requests<pb::UpdateTicketRequest>("TicketService/UpdateTicket").back();
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

TEST_F(Commands, BareNumbersNameTickets) {
  EchoCreate();
  EXPECT_EQ(
      Run({"ticket", "create", "--title", "x", "--depends", "3,t-4:integrated", "--parent", "17"}),
      0)
      << err_;
  const auto spec =
      hub_->Requests<pb::CreateTicketRequest>("TicketService/CreateTicket").back().spec();
  EXPECT_EQ(spec.dependencies(0).ticket_id(), "T-3");
  EXPECT_EQ(spec.dependencies(1).ticket_id(), "T-4");
  EXPECT_EQ(spec.dependencies(1).until(), pb::Dependency::UNTIL_INTEGRATED);
  EXPECT_EQ(spec.parent_ticket_id(), "T-17");
  (void)Run({"ticket", "show", "17"});
  environment_["COORDHUB_TICKET"] = "18";
  (void)Run({"ticket", "show"});
  (void)Run({"ticket", "show", "seventeen"});
  const auto shown = hub_->Requests<pb::GetTicketRequest>("TicketService/GetTicket");
  EXPECT_EQ(shown[0].ticket_id(), "T-17");
  EXPECT_EQ(shown[1].ticket_id(), "T-18");
  EXPECT_EQ(shown[2].ticket_id(), "seventeen");
}

TEST_F(Commands, ACompactionThatDropsNothingSaysWhy) {
  int64_t dropped = 0;
  hub_->On<pb::CompactWorkspaceRequest, pb::CompactWorkspaceResponse>(
      "HubService/CompactWorkspace",
      [&](const pb::CompactWorkspaceRequest&, pb::CompactWorkspaceResponse* response) {
        response->mutable_workspace()->set_head_revision(40);
        response->mutable_workspace()->set_compact_revision(dropped);
        response->mutable_workspace()->set_retained_events(100);
        response->set_dropped_events(dropped);
        return absl::OkStatus();
      });
  EXPECT_EQ(Run({"hub", "compact"}), 0);
  EXPECT_EQ(out_,
            "nothing to drop: 40 events are kept, and the newest 100 always are unless --revision "
            "is given\n");
  dropped = 10;
  EXPECT_EQ(Run({"hub", "compact"}), 0);
  EXPECT_EQ(out_, "dropped 10 events, up to revision 10; 30 are kept\n");
}

}  // namespace
}  // namespace coordhub::coordctl
