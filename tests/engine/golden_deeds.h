// What makes every kind of event.

#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "hub/core/command.h"
#include "hub/core/ticket_id.h"
#include "tests/engine/commands.h"
#include "tests/engine/writer_harness.h"

namespace coordhub::engine {

// Does, once at least, everything that makes events.
class Deeds {
 public:
  void Do() {
    Agents();
    Tickets();
    Ends();
    Others();
  }
  WriterHarness& hub() { return hub_; }

 private:
  template <class Request>
  v1::Ticket As(core::Caller caller, Request request) {
    const auto reply = hub_.RunOne(CommandOf(std::move(caller), std::move(request)));
    EXPECT_TRUE(reply->outcome.ok()) << reply->outcome.status();
    return reply->outcome.ok() ? reply->ticket() : v1::Ticket();
  }
  template <class Request>
  static Request About(const std::string& ticket_id) {
    Request request;
    request.set_ticket_id(ticket_id);
    return request;
  }
  v1::FailTicketRequest Failed(const std::string& ticket_id) {
    const v1::Ticket claimed = As(Session("uid-a"), About<v1::ClaimTicketRequest>(ticket_id));
    auto fail = About<v1::FailTicketRequest>(ticket_id);
    fail.set_fence(claimed.claim().fence());
    fail.set_reason("does not build");
    return fail;
  }

  void Agents() {
    hub_.Register("conversation-1", "uid-a", absl::Hours(1));
    hub_.Register("conversation-2", "uid-b", absl::Seconds(30));
    hub_.Register("conversation-3", "uid-c", absl::Hours(1));
    auto resumed = RegisterCommand("conversation-1", "uid-x", absl::Hours(1));
    resumed->caller = Session("uid-a");
    std::get<core::RegisterAgent>(resumed->body).request.set_branch("conversation-1");
    EXPECT_TRUE(hub_.RunOne(std::move(resumed))->outcome.ok());
    EXPECT_TRUE(
        hub_.RunOne(CommandOf(Session("uid-c"), v1::DeregisterAgentRequest()))->outcome.ok());
  }

  void Tickets() {
    v1::CreateTicketRequest create = Create("Mend the fence", 1);
    create.set_request_id("once");
    create.mutable_spec()->set_body("All of it.\n");
    create.mutable_spec()->add_labels("outdoors");
    create.mutable_spec()->add_paths("fence/**");
    As(Operator(), create);
    v1::BatchCreateTicketsRequest batch;
    batch.add_tickets()->mutable_spec()->set_title("Paint the fence");
    batch.mutable_tickets(0)->mutable_spec()->add_dependencies()->set_ticket_id("T-1");
    batch.add_tickets()->mutable_spec()->set_title("Part of work 3");
    batch.mutable_tickets(1)->mutable_spec()->set_parent_ticket_id("@whole");
    for (int i = 0; i < 5; ++i) {
      auto* spec = batch.add_tickets()->mutable_spec();
      spec->set_title(absl::StrCat("Work ", i));
      spec->set_max_attempts(i == 0 ? 1 : 3);
      if (i == 3) batch.mutable_tickets(5)->set_local_id("whole");  // T-7
    }
    As(Operator(), batch);
    auto update = About<v1::UpdateTicketRequest>("T-1");
    update.mutable_spec()->set_title("Mend the whole fence");
    update.mutable_spec()->set_body("All of it, and the gate.\n");
    update.mutable_update_mask()->add_paths("title");
    update.mutable_update_mask()->add_paths("body");
    As(Operator(), update);
    auto comment = About<v1::AddCommentRequest>("T-1");
    comment.set_text("The gate, too?");
    comment.set_request_id("comment");
    EXPECT_TRUE(hub_.RunOne(CommandOf(Session("uid-a"), comment))->outcome.ok());
    const v1::Ticket claimed = As(Session("uid-a"), About<v1::ClaimTicketRequest>("T-1"));
    v1::CompleteTicketRequest complete = Complete("T-1", claimed.claim().fence());
    complete.set_commit("0123456789abcdef0123456789abcdef01234567");
    complete.set_summary("three new posts");
    As(Session("uid-a"), complete);
  }

  // All other ways in which a claim and a ticket end.
  void Ends() {
    const v1::Ticket claimed = As(Session("uid-a"), About<v1::ClaimTicketRequest>("T-3"));
    auto release = About<v1::ReleaseTicketRequest>("T-3");
    release.set_fence(claimed.claim().fence());
    As(Session("uid-a"), release);
    As(Operator(), About<v1::ReopenTicketRequest>("T-1"));
    As(Session("uid-a"), Failed("T-4"));  // its only attempt: buried
    As(Session("uid-a"), Failed("T-5"));  // to be tried again
    auto for_good = Failed("T-6");
    for_good.set_final(true);
    As(Session("uid-a"), for_good);
    As(Operator(), About<v1::CancelTicketRequest>("T-7"));
    As(Session("uid-b"), About<v1::ClaimTicketRequest>("T-8"));
    hub_.Advance(absl::Seconds(31));  // of uid-b nothing was heard
  }

  void Others() {
    core::ObserveBranches observed;
    for (const char* name : {"conversation-1", "task-1"}) {
      v1::Branch& branch = observed.seen.emplace_back();
      branch.set_branch(name);
      branch.set_commit("89abcdef0123456789abcdef0123456789abcdef");
      branch.set_target("main");
      branch.set_ahead(2);
    }
    Run(core::Caller::Hub("coordinator"), observed);
    Run(core::Caller::Hub("coordinator"), core::ObserveBranches{{}, {"task-1"}});
    core::ImportLines lines;
    lines.file_id = "generation-1";
    lines.end_offset = 20;
    lines.tickets.add_tickets()->mutable_spec()->set_title("appended by a script");
    Run(core::Caller::File("tickets.md"), lines);
    Operations();
    Convergence();
    Gates();
    Run(core::Caller::Hub("archive"), core::ArchiveTickets{.keep_at_most = 1});
    Run(core::Caller::Hub("restore"),
        core::EndAllSessions{"the workspace was restored from a backup"});
  }
  void Operations() {
    Run(Operator(), core::BeginOperation{v1::Operation::KIND_BACKUP, "/backups/monday"});
    Run(core::Caller::Hub("operations"), core::NoteOperation{"O-1", 40, "copies events"});
    Run(core::Caller::Hub("operations"),
        core::EndOperation{"O-1", v1::Operation::STATE_FAILED, "", "no space left"});
    Run(Operator(), core::BeginOperation{v1::Operation::KIND_VERIFY, ""});
  }
  // One round after the other over the branch of conversation-1: failed, converged, cancelled.
  void Convergence() {
    const core::Caller coordinator = core::Caller::Hub("coordinator");
    core::ObserveBranches observed;
    observed.seen.emplace_back().set_branch("main");
    observed.seen[0].set_commit(std::string(40, '1'));
    Run(coordinator, observed);
    core::ObserveConflicts compared;
    compared.compared = {{"main", std::string(40, '1')},
                         {"conversation-1", "89abcdef0123456789abcdef0123456789abcdef"}};
    Run(coordinator, compared);
    core::ObserveConflicts conflicts;
    v1::Conflict& conflict = conflicts.opened.emplace_back();
    conflict.set_branch_a("conversation-1");
    conflict.set_branch_b("main");
    conflict.add_paths("fence/post.cc");
    conflict.add_path_kinds(v1::Conflict::KIND_CONTENT);
    conflict.set_path_count(1);
    Run(coordinator, conflicts);
    core::ObserveConflicts cleared;
    cleared.cleared.emplace_back("conversation-1", "main");
    Run(coordinator, cleared);
    Integrate("C-1", "O-3", v1::Round::STATE_FAILED);
    Integrate("C-2", "O-4", v1::Round::STATE_CONVERGED);
    Run(Operator(), Opening());
    v1::CancelRoundRequest cancel;
    cancel.set_round_id("C-3");
    cancel.set_reason("tomorrow");
    Run(Operator(), cancel);
  }
  static v1::OpenRoundRequest Opening() {
    v1::OpenRoundRequest request;
    request.set_target("main");
    request.add_member_branches("conversation-1");
    return request;
  }
  void Integrate(const std::string& round_id, const std::string& operation_id,
                 v1::Round::State end) {
    Run(Operator(), Opening());
    Run(Session("uid-a"), v1::DeclareReadyRequest());
    Run(Session("uid-a"), v1::WithdrawReadyRequest());
    Run(Session("uid-a"), v1::DeclareReadyRequest());
    v1::IntegrateRoundRequest integrate;
    integrate.set_round_id(round_id);
    Run(Operator(), integrate);
    const core::Caller operations = core::Caller::Hub("operations");
    const std::string commit(40, '2');
    Run(operations, core::IntendIntegration{round_id, operation_id, commit});
    core::ConcludeRound conclude;
    conclude.round_id = round_id;
    conclude.operation_id = operation_id;
    conclude.state = end;
    if (end == v1::Round::STATE_CONVERGED) {
      conclude.commit = commit;
      conclude.members.push_back({"conversation-1", v1::RoundMember::STATE_INTEGRATED, commit, ""});
      conclude.tickets.push_back({MakeDone(), commit});
    } else {
      conclude.reason = "the gate fails";
      conclude.members.push_back(
          {"conversation-1", v1::RoundMember::STATE_LEFT_OUT, "", "the gate fails"});
    }
    Run(operations, conclude);
    Run(operations, core::EndOperation{operation_id, v1::Operation::STATE_DONE, "", ""});
  }
  // The number of a ticket that is done.
  int64_t MakeDone() {
    const std::string id = As(Operator(), Create("Oil the gate", 1)).ticket_id();
    const v1::Ticket claimed = As(Session("uid-a"), About<v1::ClaimTicketRequest>(id));
    As(Session("uid-a"), Complete(id, claimed.claim().fence()));
    return core::TicketNumber(id);
  }
  void Gates() {
    v1::SetGateRequest set;
    set.set_gate_id("tests");
    set.add_command("make");
    set.set_target("main");
    Run(Operator(), set);
    const core::Caller operations = core::Caller::Hub("operations");
    Run(core::Caller::Hub("coordinator"), core::BeginOperation{v1::Operation::KIND_GATE, "tests"});
    Run(operations,
        core::RecordGateRun{"tests", "O-5", std::string(40, '1'), false, "exit code 2"});
    Run(operations, core::EndOperation{"O-5", v1::Operation::STATE_DONE, "", ""});
    v1::DeleteGateRequest deletion;
    deletion.set_gate_id("tests");
    Run(Operator(), deletion);
  }
  void Run(const core::Caller& caller, core::CommandBody body) {
    auto command =
        std::make_unique<core::Command>(core::Command{.caller = caller, .body = std::move(body)});
    const auto reply = hub_.RunOne(std::move(command));
    EXPECT_TRUE(reply->outcome.ok()) << reply->outcome.status();
  }

  WriterHarness hub_;
};

}  // namespace coordhub::engine
