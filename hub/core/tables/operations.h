#pragma once

#include <cstdint>
#include <string>

#include "hub/core/operation_id.h"
#include "hub/core/table.h"

namespace coordhub::core::tables {

// By number: long work that is under way, and the newest that ended.
struct Operations : PublicRecord<pb::Operation, pb::RecordChange::kOperation,
                                 &pb::RecordChange::operation, &pb::RecordChange::mutable_operation,
                                 &pb::RecordChange::unsafe_arena_set_allocated_operation,
                                 &pb::RecordChange::unsafe_arena_release_operation> {
  using Key = int64_t;
  static constexpr const char* kName = "operation";
  static constexpr bool kErasable = true;

  static Key KeyOf(const pb::Operation& operation) {
    return OperationNumber(operation.operation_id());
  }
  static const std::string& NameOf(const pb::Operation& operation) {
    return operation.operation_id();
  }
  static void CopyId(const pb::Operation& from, pb::Operation* to) {
    to->set_operation_id(from.operation_id());
  }
  static FacetView FacetsOf(const pb::Operation& operation) {
    return {.holder = &operation.actor()};
  }
  static void Stamp(const pb::Event& event, bool is_new, pb::Operation* operation) {
    if (is_new) {
      operation->set_create_revision(event.revision());
      *operation->mutable_create_time() = event.event_time();
    }
    operation->set_mod_revision(event.revision());
  }
};

}  // namespace coordhub::core::tables
