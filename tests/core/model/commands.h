// Random commands that mean something in the model's present state.

#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "hub/core/command.h"
#include "tests/core/model/model.h"

namespace coordhub::model {

// The same rolls for the same seed.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}

  // From 0 to `sides` - 1.
  int Roll(int sides) { return static_cast<int>(engine_() % static_cast<uint64_t>(sides)); }
  // True in `percent` of 100.
  bool Chance(int percent) { return Roll(100) < percent; }
  template <class List>
  const auto& Pick(const List& list) {
    return list[static_cast<size_t>(Roll(static_cast<int>(list.size())))];
  }

 private:
  std::mt19937_64 engine_;
};

// About a dozen agents, three of them below others.
const std::vector<std::string>& AgentIds();
const std::vector<std::string>& LabelPool();

class CommandMaker {
 public:
  CommandMaker(Dice* dice, const Model* model) : dice_(*dice), model_(*model) {}

  // Like what callers send: most make sense, some name the wrong thing, state, fence or session.
  core::Command Next();

  // Tickets that exist; commands prefer the newest ones.
  static constexpr int kTickets = 40;

 private:
  core::Caller SomeCaller();
  core::Caller SessionOf(const std::string& agent_id) const;
  // The agent that holds a ticket, mostly; else whoever.
  core::Caller HolderOf(int64_t number);
  int64_t SomeTicket();
  // One in this state if there is one.
  int64_t SomeTicketIn(v1::Ticket::State state);
  int64_t SomeFence(int64_t number);
  std::string SomeReference();
  std::vector<std::string> SomeLabels(int percent);

  v1::TicketSpec SomeSpec();
  core::Command Register();
  core::Command Deregister();
  core::Command Create();
  core::Command Batch();
  core::Command Update();
  core::Command Claim();
  core::Command ClaimNext();
  core::Command Release();
  core::Command Complete();
  core::Command Fail();
  core::Command Cancel();
  core::Command Reopen();
  core::Command Comment();
  core::Command Begin();
  // What the hub says of an operation, mostly.
  core::Command Note();
  core::Command End();
  core::Command CancelOperation();
  std::string SomeOperation();

  Dice& dice_;
  const Model& model_;
  int64_t sessions_ = 0;
  // Every session that ever was.
  std::vector<std::string> session_uids_;
};

}  // namespace coordhub::model
