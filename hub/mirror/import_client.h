// How lines of files get into the log.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hub/core/command.h"
#include "hub/engine/workspace.h"

namespace coordhub::mirror {

// Queues a command; `done` gets its outcome on any thread, at once or later.
using SubmitImport = std::function<void(std::unique_ptr<core::Command>, engine::Done)>;

// Imports, and waits for the answer. One thread at a time.
class ImportClient {
 public:
  // Waits at most `patience` for an answer.
  ImportClient(SubmitImport submit, absl::Duration patience)
      : submit_(std::move(submit)), patience_(patience) {}

  // Imports under the name of `file` (`tickets.md`). Returns the tickets that were made;
  // none: the file's mark is another than the command says. Blocks. Errors: DISK_FULL,
  // LIMIT_REACHED, HUB_DRAINING, OVERLOADED (also without an answer in time: it may yet happen).
  absl::StatusOr<int> Import(core::ImportLines lines, const std::string& file) const;

 private:
  const SubmitImport submit_;
  const absl::Duration patience_;
};

}  // namespace coordhub::mirror
