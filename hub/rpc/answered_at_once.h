// Calls that are answered, or refused, as soon as they are there.

#pragma once

#include <memory>
#include <utility>

#include "hub/rpc/server_call.h"

namespace coordhub::rpc {

// Nothing is left to be done when the answer is out. Holds itself until the call is over.
template <class Call>
class AnsweredAtOnce final : public CallReactor {
 public:
  // The call, to be finished before anything else happens.
  static Call& Take(std::unique_ptr<Call> call) {
    auto* const reactor = new AnsweredAtOnce(std::move(call));
    reactor->call_->set_reactor(reactor);
    return *reactor->call_;
  }
  void OnCancel() override {}
  void OnDone() override { delete this; }

 private:
  explicit AnsweredAtOnce(std::unique_ptr<Call> call) : call_(std::move(call)) {}

  const std::unique_ptr<Call> call_;
};

}  // namespace coordhub::rpc
