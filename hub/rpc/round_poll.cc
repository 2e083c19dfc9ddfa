#include "hub/rpc/round_poll.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "agent/base/error.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/proto_time.h"
#include "hub/core/round_id.h"

namespace coordhub::rpc {
namespace {

// A call under way; kept by whatever will call it back.
class RoundPoll : public std::enable_shared_from_this<RoundPoll> {
 public:
  RoundPoll(UnaryCallPtr call, const CallScope& scope, const v1::GetRoundRequest& request)
      : call_(std::move(call)),
        scope_(scope),
        request_(request),
        until_(std::min(call_->deadline(),
                        call_->host().clock().Mono() + core::FromProto(request.wait()))) {}

  void Look(const engine::ViewPtr& view) {
    const absl::StatusOr<const v1::Round*> round = FindRound(scope_, request_, *view);
    const bool waits = request_.has_wait() && call_->host().clock().Mono() < until_;
    if (!round.ok()) {
      // One that is named is not there, and none comes under its name; an active one may.
      if (waits && request_.round_id().empty() && request_.after_revision() == 0) {
        return AwaitChangeAfter(view->revision);
      }
      return call_->Refuse(round.status());
    }
    const bool is_news = (*round)->mod_revision() > request_.after_revision();
    if (!is_news && waits) return AwaitChangeAfter(view->revision);
    v1::GetRoundResponse response;
    *response.mutable_round() = **round;
    response.set_revision(view->revision);
    call_->Answer(response);
  }

 private:
  void AwaitChangeAfter(int64_t revision) {
    scope_.engine().AwaitRoundChange(
        revision, until_,
        [self = shared_from_this(), revision](absl::StatusOr<engine::ViewPtr> view) {
          self->OnChange(revision, std::move(view));
        });
  }

  // On the writer's or a background thread.
  void OnChange(int64_t revision, absl::StatusOr<engine::ViewPtr> view) {
    if (call_->answered()) return;
    if (view.ok()) return PostLook(*std::move(view));
    if (base::ReasonOf(view.status()) != v1::ERROR_REASON_REVISION_NOT_REACHED) {
      return call_->Refuse(view.status());
    }
    // The engine keeps nobody for long, so that who went away is not kept either.
    if (call_->host().clock().Mono() < until_) return AwaitChangeAfter(revision);
    PostLook(scope_.engine().view());
  }

  void PostLook(engine::ViewPtr view) {
    call_->host().PostRead(
        [self = shared_from_this(), view = std::move(view)](const absl::Status& go) {
          if (go.ok()) {
            self->Look(view);
          } else {
            self->call_->Refuse(go);
          }
        });
  }

  const UnaryCallPtr call_;
  const CallScope scope_;
  const v1::GetRoundRequest request_;
  // When it is answered, whatever happened.
  const base::MonoTime until_;
};

const v1::Round* RoundOfCaller(const CallScope& scope, const core::View& view) {
  const v1::Agent* agent = view.records.FindSessionEver(scope.MakeCaller().session_uid());
  return agent == nullptr ? nullptr : view.records.ActiveRoundOf(agent->branch());
}

}  // namespace

absl::StatusOr<const v1::Round*> FindRound(const CallScope& scope,
                                           const v1::GetRoundRequest& request,
                                           const core::View& view) {
  const auto& rounds = view.records.of<core::tables::Rounds>();
  if (!request.round_id().empty()) {
    const auto* round =
        view.records.Find<core::tables::Rounds>(core::RoundNumber(request.round_id()));
    if (round == nullptr) return core::RoundNotFound(request.round_id());
    return round;
  }
  const auto& active = view.records.active_rounds;
  if (active.size() == 1) return &*active.Begin();
  if (const v1::Round* own = RoundOfCaller(scope, view); own != nullptr) return own;
  if (!active.empty()) return core::WhichRound();
  // Whoever has followed one is told how it ended.
  const auto last = rounds.Last();
  if (last.Valid() && request.after_revision() > 0 &&
      last->mod_revision() > request.after_revision()) {
    return &*last;
  }
  return core::RoundNotFound("");
}

void GetRound(const UnaryCallPtr& call, const CallScope& scope, const v1::GetRoundRequest& request,
              const engine::ViewPtr& view) {
  if (request.has_wait()) call->RefuseWhenGone();
  std::make_shared<RoundPoll>(call, scope, request)->Look(view);
}

}  // namespace coordhub::rpc
