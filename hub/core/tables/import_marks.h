#pragma once

#include <string>

#include "hub/core/table.h"

namespace coordhub::core::tables {

// By file id: how far files that others wrote to are imported.
struct ImportMarks : PrivateRecord<jpb::ImportMark, jpb::SnapshotRecord::kImportMark,
                                   &jpb::SnapshotRecord::import_mark,
                                   &jpb::SnapshotRecord::unsafe_arena_set_allocated_import_mark,
                                   &jpb::SnapshotRecord::unsafe_arena_release_import_mark> {
  using Key = std::string;
  static constexpr const char* kName = "import mark";
  static constexpr bool kErasable = true;

  static const Key& KeyOf(const jpb::ImportMark& mark) { return mark.file_id(); }
  static const std::string& NameOf(const jpb::ImportMark& mark) { return mark.file_id(); }
};

}  // namespace coordhub::core::tables
