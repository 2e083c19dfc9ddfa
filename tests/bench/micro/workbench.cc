#include "tests/bench/micro/workbench.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "hub/journal/memory_journal.h"
#include "tests/engine/commands.h"

namespace coordhub::bench {
namespace {

constexpr absl::Duration kTtl = absl::Hours(24);
constexpr int kBatch = 16;

std::string SessionOf(int agent) { return absl::StrCat("session-", agent); }

std::unique_ptr<core::Command> CreateOne(int number) {
  v1::CreateTicketRequest request =
      engine::Create(absl::StrCat("Ticket number ", number, " of the benchmark"), number % 5);
  request.set_request_id(absl::StrCat("request-", number));
  request.mutable_spec()->add_labels("bench");
  request.mutable_spec()->set_body("What is to be done, in a line or two, as people write it.");
  return engine::CommandOf(engine::Operator(), std::move(request));
}

}  // namespace

void CheckOk(const absl::Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", what, status.ToString().c_str());
  std::abort();
}

Workbench::Workbench(std::unique_ptr<journal::Journal> journal)
    : journal_(std::move(journal)),
      state_(std::make_unique<core::State>()),
      lease_clock_(&clock_),
      writer_(std::make_unique<engine::Writer>(engine::Writer::Parts{
          state_.get(), journal_.get(), &clock_, &lease_clock_, &sessions_, &rights_, this, 100})) {
}

void Workbench::RegisterAgents(int count) {
  std::vector<std::unique_ptr<core::Command>> commands;
  for (int i = 0; i < count; ++i, ++agents_) {
    commands.push_back(
        engine::RegisterCommand(absl::StrCat("agent-", agents_), SessionOf(agents_), kTtl));
  }
  Run(std::move(commands));
}

void Workbench::CreateTickets(int count) {
  while (count > 0) {
    std::vector<std::unique_ptr<core::Command>> commands;
    for (; count > 0 && commands.size() < kBatch; --count)
      commands.push_back(CreateOne(tickets_++));
    Run(std::move(commands));
  }
}

std::unique_ptr<core::Command> Workbench::ClaimOf(int agent) {
  return engine::CommandOf(engine::Session(SessionOf(agent)), engine::ClaimNext());
}

void Workbench::ClaimAndCompleteOnce() {
  std::vector<std::unique_ptr<core::Command>> claims;
  for (int i = 0; i < agents_; ++i) claims.push_back(ClaimOf(i));
  Run(std::move(claims));
  std::vector<std::unique_ptr<core::Command>> ends;
  for (const engine::EncodedEvent& encoded : committed_) {
    const v1::Ticket& ticket = encoded.event->changes(0).ticket();
    ends.push_back(engine::CommandOf(engine::Session(ticket.claim().session_uid()),
                                     engine::Complete(ticket.ticket_id(), ticket.claim().fence())));
  }
  Run(std::move(ends));
}

void Workbench::Run(std::vector<std::unique_ptr<core::Command>> commands) {
  std::vector<engine::Call> calls;
  calls.reserve(commands.size());
  for (auto& command : commands) {
    engine::Call& call = calls.emplace_back();
    call.command = std::move(command);
    call.done = [](const absl::StatusOr<engine::Outcome>& outcome) {
      CheckOk(outcome.status(), "a command");
    };
  }
  writer_->Run(std::move(calls));
}

void Workbench::RunOne(std::unique_ptr<core::Command> command) {
  std::vector<std::unique_ptr<core::Command>> commands;
  commands.push_back(std::move(command));
  Run(std::move(commands));
}

void Workbench::OnWriteRefusal(const std::string& reason) {
  CheckOk(absl::UnavailableError(reason), "writing");
}

void Workbench::OnFatal(const absl::Status& status) { CheckOk(status, "the journal"); }

void Workbench::FetchCommit(journal::CommitRange /*range*/, engine::Done done) {
  done(absl::UnimplementedError("nothing is repeated here"));
}

}  // namespace coordhub::bench
