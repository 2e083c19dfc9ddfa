// The table of bad input.

#pragma once

#include <string>
#include <vector>

#include "coordhub/v1/error.pb.h"

namespace coordhub::rpc {

// One request and what it gets.
struct BadInput {
  enum Who { kOperator, kHolder, kOther };
  std::string method;
  // The request as text. `$HELD` stands for the fence of T-2's claim, `$OLD` for one of T-3's that
  // is over.
  std::string request;
  // UNSPECIFIED: it is fine, being at the limit.
  v1::ErrorReason reason;
  // The field that the refusal names; empty where the reason says what is wrong by itself.
  std::string field;
  Who who = kOperator;
  // The field that a row without `field` is about.
  std::string about;
  // It is an id of nothing that exists.
  bool unknown_id = false;
};

std::vector<BadInput> BadInputTable();

// Methods that only the operator may call.
bool OperatorsOnly(const std::string& method);

}  // namespace coordhub::rpc
