// One run of random commands through hub/core and through the model, side by side.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "hub/core/decide.h"
#include "hub/core/state.h"
#include "tests/core/model/commands.h"
#include "tests/core/model/model.h"
#include "tests/core/recorded_state.h"

namespace coordhub::model {

class World {
 public:
  explicit World(uint64_t seed);

  // Lets time pass, ends what is over, and does one random thing. False once the two disagree.
  bool Step();
  // Folds the log, and a snapshot of the end, and compares digests.
  bool Finish();

  // What the two disagree about, and the command at which they do; empty: nothing.
  const std::string& disagreement() const { return disagreement_; }
  // What happened how often: kinds of events, reasons of refusals, and a few things more.
  const std::map<std::string, int>& seen() const { return seen_; }
  int64_t revision() const { return state_->revision(); }

 private:
  using Store = std::map<std::pair<core::StoreRow::Space, std::vector<int64_t>>, std::string>;

  // What the rolling back of a batch restores.
  struct Past {
    std::shared_ptr<const core::View> view;
    Model model;
    Requests requests;
    size_t log_size;
    std::map<std::string, base::MonoTime> session_deadlines;
    int64_t highest_fence;
    Store store;
  };

  void PassTime(bool wall_may_jump = true);
  bool ExpireWhatIsDue();
  bool DoSomething();
  // Goes on with a state that was folded anew, or loaded.
  bool Restart();
  bool RollBackSomeCommands();
  bool ObserveGit();
  core::Command SomeCommand();
  void GiveRequestId(core::Command& command);

  // Does one command on both sides, and compares.
  bool Do(const core::Command& command);
  bool CheckRepetition(const core::Command& command, bool* repeated);
  std::vector<int64_t> FinishedByAge() const;
  Answer AskModel(const core::Command& command);
  bool CheckRefusals(const Refusals& refusals, const absl::Status& status);
  bool CheckDecision(const Answer& answer, const core::Decision& decision);
  bool Apply(const core::Command& command, const core::Decision& decision);
  bool CheckEvent(const v1::Event& event, const core::Decision& decision);
  // Tells the model, and the clocks of this world, what only the hub can say.
  bool NoteClaim(const v1::Ticket& ticket);
  void NoteSession(const v1::Agent& agent);
  // Any call renews the caller's session.
  void Touch(const core::Caller& caller);

  bool Compare();
  bool CompareTicket(int64_t number);
  bool CompareArchived();
  bool CompareEdges(int64_t number);
  bool CompareAgents();
  bool CompareBranches();
  bool CompareOperations();
  bool CompareReady();
  bool CompareNewlyReady();
  bool CompareDigest(core::State& other, const std::string& what);
  std::unique_ptr<core::State> Replay() const;
  std::unique_ptr<core::State> Reload() const;

  template <class... Parts>
  bool Expect(bool holds, const Parts&... parts) {
    if (!holds && disagreement_.empty()) disagreement_ = absl::StrCat(parts..., "\n  at ", doing_);
    return holds;
  }

  Dice dice_;
  base::Now now_;
  Model model_;
  Requests requests_;
  CommandMaker maker_;

  std::unique_ptr<core::State> state_;
  std::vector<core::LoggedEvent> log_;
  // Ready after the last command.
  std::set<int64_t> was_ready_;

  // Tickets as they were compared last, with the core's mod_revision: what did not change on either
  // side is not compared again.
  std::map<int64_t, std::pair<int64_t, Ticket>> compared_;

  std::map<std::string, base::MonoTime> session_deadlines_;
  // By ticket and fence. Those of claims that ended stay: they must do nothing.
  std::map<std::pair<int64_t, int64_t>, base::MonoTime> claim_deadlines_;
  int64_t highest_fence_ = 0;

  // What decisions put there.
  Store store_;
  // How many of the archived tickets were compared.
  size_t archived_compared_ = 0;

  // What git has: branch -> commit.
  std::map<std::string, std::string> git_;

  std::vector<core::Command> past_commands_;
  int64_t request_ids_ = 0;
  std::string doing_;
  std::string disagreement_;
  std::map<std::string, int> seen_;
};

}  // namespace coordhub::model
