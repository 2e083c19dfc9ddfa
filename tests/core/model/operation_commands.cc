// Operations, as the rules say and in plain maps.

#include <cstdlib>

#include "tests/core/model/model.h"

namespace coordhub::model {
namespace {

constexpr int kRunningMax = 64;
constexpr size_t kEndedMax = 1000;

int64_t NumberOfOperation(const std::string& operation_id) {
  return std::atoll(operation_id.c_str() + 2);
}

}  // namespace

int Model::RunningOperations() const {
  int running = 0;
  for (const auto& [number, operation] : operations) {
    if (operation.state == v1::Operation::STATE_RUNNING) ++running;
  }
  return running;
}

Answer Model::BeginOperation(const Who& who, v1::Operation::Kind kind) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  const bool whole_hub = kind == v1::Operation::KIND_BACKUP || kind == v1::Operation::KIND_VERIFY ||
                         kind == v1::Operation::KIND_COMPACT;
  if (whole_hub && !Trusted(who)) return Refuse({v1::ERROR_REASON_OPERATOR_REQUIRED});
  if (RunningOperations() == kRunningMax) return Refuse({v1::ERROR_REASON_LIMIT_REACHED});
  Operation& begun = operations[++last_operation];
  begun.actor = ActorOf(who);
  begun.kind = kind;
  return {};
}

Answer Model::NoteOperation(const Who& who, int64_t number, int percent) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  if (who.kind != Kind::kHub) return Refuse({v1::ERROR_REASON_OPERATOR_REQUIRED});
  const auto known = operations.find(number);
  if (known == operations.end() || known->second.state != v1::Operation::STATE_RUNNING) return {};
  known->second.percent = percent;
  return {};
}

Answer Model::EndOperation(const Who& who, int64_t number, v1::Operation::State state) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  if (who.kind != Kind::kHub) return Refuse({v1::ERROR_REASON_OPERATOR_REQUIRED});
  const auto known = operations.find(number);
  if (known == operations.end() || known->second.state != v1::Operation::STATE_RUNNING) return {};
  known->second.state = state;
  if (state == v1::Operation::STATE_DONE) known->second.percent = 100;
  ended_operations.push_back(known->first);
  if (ended_operations.size() > kEndedMax) {
    operations.erase(ended_operations.front());
    ended_operations.pop_front();
  }
  return {};
}

Answer Model::Do(const Who& who, const v1::CancelOperationRequest& request) {
  if (const Refusals gate = Gate(who, false); !gate.empty()) return Refuse(gate);
  const auto known = operations.find(NumberOfOperation(request.operation_id()));
  if (known == operations.end()) return Refuse({v1::ERROR_REASON_OPERATION_NOT_FOUND});
  if (!Trusted(who) && known->second.actor != SelfId(who)) {
    return Refuse({v1::ERROR_REASON_OPERATOR_REQUIRED});
  }
  if (known->second.state != v1::Operation::STATE_RUNNING) {
    return Refuse({v1::ERROR_REASON_OPERATION_STATE});
  }
  return {};
}

}  // namespace coordhub::model
