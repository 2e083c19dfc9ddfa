// How the rows of validate_test.cc are written: a valid request, and what is stated of each of its
// fields.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/core/validate.h"
#include "tests/core/validate_cases.h"

namespace coordhub::core {

namespace pb = coordhub::v1;

using FieldTable = std::map<std::string, FieldValues>;

// A request that is valid, and what is stated of each of its fields.
struct RequestRow {
  std::shared_ptr<const Message> valid;
  std::function<absl::Status(const Message&)> validate;
  FieldTable fields;

  std::string name() const { return valid->GetDescriptor()->name(); }
};

template <class Request>
RequestRow Row(const std::function<void(Request&)>& complete, FieldTable fields) {
  auto request = std::make_shared<Request>();
  complete(*request);
  return {request,
          [](const Message& message) { return Validate(static_cast<const Request&>(message)); },
          std::move(fields)};
}

template <class Request>
RequestRow Row(FieldTable fields) {
  return Row<Request>([](Request&) {}, std::move(fields));
}

inline FieldTable operator+(FieldTable a, const FieldTable& b) {
  a.insert(b.begin(), b.end());
  return a;
}

inline FieldTable Prefixed(const std::string& prefix, const FieldTable& table) {
  FieldTable prefixed;
  for (const auto& [path, values] : table) prefixed[prefix + path] = values;
  return prefixed;
}

// ---- what many requests have ----

inline FieldTable Workspace() { return {{"workspace_id", Line(128)}}; }
inline FieldTable Mutation() {
  return {{"workspace_id", Line(128)}, {"request_id", Token(64, ":")}};
}

inline FieldTable Page() { return {{"page_size", NotNegative()}, {"page_token", Line(512)}}; }
inline FieldTable MinRevision() { return {{"min_revision", NotNegative()}}; }

// Of RepositoryService and ConvergenceService.
std::vector<RequestRow> ConvergenceRequests();

}  // namespace coordhub::core
