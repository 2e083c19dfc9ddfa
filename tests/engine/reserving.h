// A second kind of call that waits, for tests: names that are reserved all together or not at all.
// It is decided here and has no request of its own; all else is real: the writer, its events and
// the records of reservations.

#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/base/error.h"
#include "hub/core/draft.h"
#include "tests/engine/commands.h"

namespace coordhub::engine {

class Reserving {
 public:
  // The commands ride on one whose body has room for words.
  static std::unique_ptr<core::Command> Reserve(const std::string& uid, const std::string& names,
                                                absl::Duration wait = absl::ZeroDuration()) {
    return Order(uid, "reserve", absl::StrCat(absl::FormatDuration(wait), " ", names));
  }
  static std::unique_ptr<core::Command> Release(const std::string& uid,
                                                const std::string& reservation_id) {
    return Order(uid, "release", reservation_id);
  }

  absl::StatusOr<core::Decision> Decide(const core::State& state, const core::Command& command,
                                        const base::Now& now, const core::Turn& turn) {
    ++decisions;
    const auto* order = std::get_if<v1::AddCommentRequest>(&command.body);
    const v1::Agent* self = state.FindSession(command.caller.session_uid());
    if (order == nullptr || self == nullptr) return core::Decide(state, command, now, turn);
    core::Draft draft(state, self->agent_id(), now);
    core::Decision decision;
    if (order->ticket_id() == "release") {
      v1::Reservation ended = *state.records().Find<core::tables::Reservations>(order->text());
      ended.set_state(v1::Reservation::STATE_RELEASED);
      draft.Put(draft.Add(v1::EVENT_KIND_RESERVATION_RELEASED), std::move(ended));
    } else {
      const absl::Status status =
          DecideReserve(state, *self, order->text(), turn, &draft, &decision);
      if (!status.ok()) return status;
    }
    decision.events = std::move(draft).Finish();
    return decision;
  }

  // How often anything was decided.
  int decisions = 0;

 private:
  static std::unique_ptr<core::Command> Order(const std::string& uid, const std::string& verb,
                                              const std::string& text) {
    v1::AddCommentRequest request;
    request.set_ticket_id(verb);
    request.set_text(text);
    return CommandOf(Session(uid), request);
  }

  static std::vector<std::string> HoldersOf(const core::State& state, const std::string& name) {
    std::vector<std::string> holders;
    for (auto it = state.records().of<core::tables::Reservations>().Begin(); it.Valid();
         it.Next()) {
      if (it->state() != v1::Reservation::STATE_HELD) continue;
      for (const v1::ReservedItem& item : it->items()) {
        if (item.resource() == name) holders.push_back(it->agent_id());
      }
    }
    return holders;
  }

  static absl::Status DecideReserve(const core::State& state, const v1::Agent& self,
                                    const std::string& text, const core::Turn& turn,
                                    core::Draft* draft, core::Decision* decision) {
    std::vector<std::string> words = absl::StrSplit(text, ' ');
    absl::Duration span;
    absl::ParseDuration(words.front(), &span);
    core::NamesWanted wanted{{words.begin() + 1, words.end()}};
    std::sort(wanted.names.begin(), wanted.names.end());
    const auto holders_of = [&](const std::string& name) { return HoldersOf(state, name); };
    const bool held = std::any_of(wanted.names.begin(), wanted.names.end(),
                                  [&](const auto& name) { return !holders_of(name).empty(); });
    if (!held && !turn.queue.FirstInTheWay(wanted, turn.place)) {
      Grant(self, wanted, draft);
      return absl::OkStatus();
    }
    const absl::Status refusal = base::MakeError(v1::ERROR_REASON_RESERVATION_HELD, "is held");
    if (span <= absl::ZeroDuration()) return refusal;
    const auto cycle = turn.queue.CycleOf(self.agent_id(), wanted, turn.place, holders_of);
    if (!cycle.empty()) {
      return base::MakeError(v1::ERROR_REASON_DEADLOCK, absl::StrJoin(cycle, " "));
    }
    decision->wait = core::Wait{std::move(wanted), span, refusal};
    return absl::OkStatus();
  }

  static void Grant(const v1::Agent& self, const core::NamesWanted& wanted, core::Draft* draft) {
    v1::Reservation granted;
    granted.set_reservation_id(absl::StrCat("R-", draft->next_revision()));
    granted.set_state(v1::Reservation::STATE_HELD);
    granted.set_agent_id(self.agent_id());
    granted.set_session_uid(self.session_uid());
    granted.set_fence(draft->next_revision());
    for (const std::string& name : wanted.names) granted.add_items()->set_resource(name);
    draft->Put(draft->Add(v1::EVENT_KIND_RESERVATION_ACQUIRED), std::move(granted));
  }
};

}  // namespace coordhub::engine
