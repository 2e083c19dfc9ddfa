// The mutations that a stream can carry, and how each is run.

#pragma once

#include <functional>
#include <map>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/clock.h"
#include "coordhub/v1/ticket_service.pb.h"
#include "hub/rpc/gate.h"
#include "hub/rpc/service_host.h"

namespace coordhub::rpc {

// Whose mutation it is.
struct Mutator {
  ServiceHost& host;
  const Gate& gate;
  const Principal& principal;
  base::MonoTime deadline;
};

// What becomes of a mutation: the result, in the field of its kind, or why it was refused. Called
// once; at once, on the writer's thread, or on a background one.
using MutationDone = std::function<void(absl::StatusOr<v1::TicketMutationResult>)>;

// By kind; filled while services are made, then constant.
class MutationKinds {
 public:
  using Kind = v1::TicketMutation::RequestCase;
  // Takes what it needs out of the mutation.
  using Run =
      std::function<void(const Mutator& mutator, v1::TicketMutation* mutation, MutationDone done)>;

  void Add(Kind kind, Run run) { kinds_[kind] = std::move(run); }
  // Null: the mutation has no request, or one of a kind that this version does not know.
  const Run* Find(Kind kind) const {
    const auto found = kinds_.find(kind);
    return found == kinds_.end() ? nullptr : &found->second;
  }

 private:
  std::map<Kind, Run> kinds_;
};

}  // namespace coordhub::rpc
