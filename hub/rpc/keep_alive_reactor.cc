#include "hub/rpc/keep_alive_reactor.h"

#include <utility>

#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/records.h"
#include "hub/core/validate.h"
#include "hub/engine/endings.h"
#include "hub/rpc/grpc_status.h"
#include "hub/rpc/message_codec.h"
#include "hub/rpc/refusal.h"

namespace coordhub::rpc {
namespace {

// Losses that an agent has not read about. It can hold 256 claims at a time; one that is so far
// behind is not listening.
constexpr size_t kMaxUnreadLosses = 4'096;
// Conflicts that one message tells.
constexpr size_t kConflictsTold = 64;

// What can still be told of a claim's end when its event went by unseen. `ticket` may be null.
v1::LostClaim::Reason LossSeenLater(const v1::Ticket* ticket, int64_t fence) {
  if (ticket == nullptr) return v1::LostClaim::REASON_UNSPECIFIED;
  if (ticket->last_fence() > fence) return v1::LostClaim::REASON_SUPERSEDED;
  if (ticket->state() == v1::Ticket::STATE_CANCELLED) return v1::LostClaim::REASON_CANCELLED;
  return v1::LostClaim::REASON_UNSPECIFIED;
}

// `ticket` as it is now, or null.
v1::LostClaim DescribeLoss(const v1::Ticket* ticket, const std::string& ticket_id, int64_t fence,
                           v1::LostClaim::Reason how) {
  v1::LostClaim lost;
  lost.set_ticket_id(ticket_id);
  lost.set_fence(fence);
  lost.set_reason(how);
  if (ticket == nullptr) return lost;
  lost.set_holder_agent_id(ticket->claim().agent_id());
  lost.set_current_fence(ticket->last_fence());
  return lost;
}

absl::Status NotListening() {
  return base::MakeError(base::pb::ERROR_REASON_SLOW_WATCHER,
                         "the agent does not read what it is told; open the stream again");
}

}  // namespace

void KeepAliveReactor::Start(std::shared_ptr<ServiceHost> host, const Gate* gate,
                             std::unique_ptr<StreamServerCall> call, const Principal& principal) {
  std::shared_ptr<KeepAliveReactor> reactor(
      new KeepAliveReactor(std::move(host), gate, std::move(call), principal));
  reactor->self_ = reactor;
  reactor->call_->set_reactor(reactor.get());
  reactor->call_->SayAccepted();
  reactor->host_->open_calls().Enter();
  const absl::Status added = reactor->host_->streams().Add(reactor);
  if (added.ok()) {
    reactor->call_->Read(&reactor->request_);
    // What happened before we could be told of it.
    if (principal.home()->engine().draining()) reactor->OnDrain(&principal.home()->engine());
  } else {
    reactor->End(added);
  }
}

void KeepAliveReactor::OnDone() {
  std::string agent_id;
  HostedWorkspace* workspace = nullptr;
  {
    base::MutexLock lock(&mu_);
    agent_id = agent_id_;
    if (scope_.has_value()) workspace = scope_->workspace;
  }
  if (workspace != nullptr) workspace->router.Unsubscribe(agent_id, this);
  host_->streams().Remove(this);
  host_->open_calls().Leave();
  self_.reset();  // may delete this
}

void KeepAliveReactor::OnReadDone(bool ok) {
  if (!ok) {
    {
      base::MutexLock lock(&mu_);
      agent_closed_ = true;
    }
    Pump();
    return;
  }
  {
    base::MutexLock lock(&mu_);
    if (finished_) return;  // the stream ends; what came last is not answered
    ++handling_;
  }
  const absl::Status handled = HandleRequest(request_);
  if (handled.ok()) {
    request_.Clear();
    call_->Read(&request_);
  }
  {
    base::MutexLock lock(&mu_);
    --handling_;
    if (!handled.ok() && end_.ok()) end_ = handled;
  }
  Pump();
}

absl::Status KeepAliveReactor::HandleRequest(const grpc::ByteBuffer& bytes) {
  v1::KeepAliveRequest request;
  COORDHUB_RETURN_IF_ERROR(ParseRequest(bytes, &request));
  COORDHUB_RETURN_IF_ERROR(core::Validate(request));
  std::optional<CallScope> scope;
  {
    base::MutexLock lock(&mu_);
    scope = scope_;
  }
  if (scope.has_value()) {
    COORDHUB_RETURN_IF_ERROR(TouchSession(*scope, ""));
  } else {
    COORDHUB_RETURN_IF_ERROR(Join(request));
  }
  base::MutexLock lock(&mu_);
  answer_due_ = true;
  sequence_ = request.sequence();
  return absl::OkStatus();
}

absl::Status KeepAliveReactor::Join(const v1::KeepAliveRequest& first) {
  COORDHUB_ASSIGN_OR_RETURN(const CallScope scope, gate_.Enter(principal_, first.workspace_id()));
  COORDHUB_RETURN_IF_ERROR(TouchSession(scope, ""));
  const std::string agent_id = scope.CallerName();
  {
    base::MutexLock lock(&mu_);
    scope_ = scope;
    agent_id_ = agent_id;
  }
  scope.workspace->router.Subscribe(agent_id, self_);
  // What happened before we could be told of it.
  OnAgentEnded();
  if (scope.engine().draining()) OnDrain(&scope.engine());
  return absl::OkStatus();
}

void KeepAliveReactor::OnWriteDone(bool ok) {
  {
    base::MutexLock lock(&mu_);
    writing_ = false;
    message_.Clear();
    if (!ok) gone_ = true;
  }
  Pump();
}

void KeepAliveReactor::OnCancel() {
  {
    base::MutexLock lock(&mu_);
    gone_ = true;
  }
  Pump();
}

void KeepAliveReactor::End(absl::Status status) {
  {
    base::MutexLock lock(&mu_);
    if (!end_.ok()) return;
    end_ = std::move(status);
  }
  Pump();
}

void KeepAliveReactor::OnDrain(const engine::Workspace* workspace) {
  {
    base::MutexLock lock(&mu_);
    if (!end_.ok()) return;
    if (workspace != nullptr && workspace != &principal_.home()->engine()) return;
    end_ = engine::Draining();
    // Who has not said a word yet is not answered.
    say_draining_ = scope_.has_value();
  }
  Pump();
}

void KeepAliveReactor::OnAgentEnded() {
  std::string agent_id;
  {
    base::MutexLock lock(&mu_);
    if (!scope_->engine().AgentOfSession(principal_.session_uid()).empty()) return;
    agent_id = agent_id_;
  }
  End(core::SessionEnded(agent_id, nullptr));
}

void KeepAliveReactor::OnAgentResumed() {
  {
    base::MutexLock lock(&mu_);
    if (finished_) return;
    news_due_ = true;
  }
  Pump();
}

void KeepAliveReactor::OnClaimEnded(const std::string& ticket_id, int64_t fence,
                                    std::optional<Loss> lost) {
  {
    base::MutexLock lock(&mu_);
    told_.erase(ticket_id);
    if (!lost.has_value() || finished_) return;
    lost_[ticket_id] = {fence, *lost};
    if (lost_.size() > kMaxUnreadLosses && end_.ok()) end_ = NotListening();
  }
  Pump();
}

void KeepAliveReactor::OnBranchNews() {
  {
    base::MutexLock lock(&mu_);
    if (finished_) return;
    branch_news_ = true;
  }
  Pump();
}

void KeepAliveReactor::OnEventsMissed() {
  OnAgentEnded();
  {
    base::MutexLock lock(&mu_);
    branch_news_ = true;
    const engine::ViewPtr view = scope_->engine().view();
    for (const auto& [ticket_id, fence] : told_) {
      const v1::Ticket* ticket = view->records.FindTicket(core::TicketNumber(ticket_id));
      const bool held =
          ticket != nullptr && ticket->has_claim() && ticket->claim().fence() == fence;
      // Nobody but the holder completes a ticket.
      if (!held && (ticket == nullptr || ticket->state() != v1::Ticket::STATE_DONE)) {
        lost_[ticket_id] = {fence, LossSeenLater(ticket, fence)};
      }
    }
  }
  Pump();
}

void KeepAliveReactor::Pump() {
  Step step;
  {
    base::MutexLock lock(&mu_);
    step = Next();
  }
  switch (step.action) {
    case Action::kNothing:
      return;
    case Action::kWrite:
      call_->Write(message_);
      return;
    case Action::kFinish:
      call_->Finish(ToGrpcStatus(step.status));
      return;
  }
}

KeepAliveReactor::Step KeepAliveReactor::Next() {
  if (finished_ || writing_ || handling_ > 0) return {};
  if (gone_) return FinishWith(engine::CallerGone());
  if (!end_.ok()) {
    if (!std::exchange(say_draining_, false)) return FinishWith(end_);
    v1::KeepAliveResponse farewell = MakeAnswer();
    farewell.set_hub_draining(true);
    return Write(farewell);
  }
  // Before the first answer there is nothing that could be another one than was told.
  if (std::exchange(branch_news_, false) && told_branch_news_.has_value()) {
    news_due_ |= BranchNewsAt(*scope_->engine().view()) != *told_branch_news_;
  }
  if (answer_due_ || news_due_ || !lost_.empty()) return Write(MakeAnswer());
  if (agent_closed_) return FinishWith(absl::OkStatus());
  return {};
}

v1::KeepAliveResponse KeepAliveReactor::MakeAnswer() {
  const engine::Workspace& engine = scope_->engine();
  const engine::ViewPtr view = engine.view();
  v1::KeepAliveResponse answer;
  if (std::exchange(answer_due_, false)) answer.set_sequence(sequence_);
  news_due_ = false;
  told_.clear();
  const v1::Agent* agent = view->records.FindAgent(agent_id_);
  // After a takeover the name is another session's, and so are its claims.
  if (agent != nullptr && agent->session_uid() == principal_.session_uid()) {
    TellBranchNews(*view, &answer);
    *answer.mutable_ttl() = agent->ttl();
    for (v1::HeldClaim& claim : engine.ClaimsOf(*view, agent_id_)) {
      told_[claim.ticket_id()] = claim.fence();
      *answer.add_claims() = std::move(claim);
    }
  }
  for (const auto& [ticket_id, lost] : lost_) {
    const v1::Ticket* ticket = view->records.FindTicket(core::TicketNumber(ticket_id));
    *answer.add_lost_claims() = DescribeLoss(ticket, ticket_id, lost.fence, lost.how);
  }
  lost_.clear();
  answer.set_revision(view->revision);
  return answer;
}

KeepAliveReactor::BranchNews KeepAliveReactor::BranchNewsAt(const core::View& view) const {
  BranchNews news;
  const v1::Agent* agent = view.records.FindAgent(agent_id_);
  if (agent == nullptr || agent->branch().empty()) return news;
  const std::string& branch = agent->branch();
  for (auto conflict =
           view.records.conflicts_by_branch.LowerBound(std::pair(branch, std::string()));
       conflict.Valid() && conflict.key().first == branch && news.conflicts.size() < kConflictsTold;
       conflict.Next()) {
    news.conflicts.emplace_back(conflict.key().second, conflict->mod_revision());
  }
  const v1::Round* round = view.records.ActiveRoundOf(branch);
  if (round != nullptr) news.round_id = round->round_id();
  return news;
}

void KeepAliveReactor::TellBranchNews(const core::View& view, v1::KeepAliveResponse* answer) {
  BranchNews news = BranchNewsAt(view);
  answer->set_round_id(news.round_id);
  const bool changed =
      !told_branch_news_.has_value() || told_branch_news_->conflicts != news.conflicts;
  answer->set_conflicts_told(changed);
  if (changed) {
    const std::string& branch = view.records.FindAgent(agent_id_)->branch();
    for (const auto& [other, revision] : news.conflicts) {
      *answer->add_conflicts() = **view.records.conflicts_by_branch.Find(std::pair(branch, other));
    }
  }
  told_branch_news_ = std::move(news);
}

KeepAliveReactor::Step KeepAliveReactor::Write(const v1::KeepAliveResponse& message) {
  message_ = Encode(message);
  writing_ = true;
  return {.action = Action::kWrite, .status = absl::OkStatus()};
}

KeepAliveReactor::Step KeepAliveReactor::FinishWith(absl::Status status) {
  finished_ = true;
  return {.action = Action::kFinish, .status = std::move(status)};
}

}  // namespace coordhub::rpc
