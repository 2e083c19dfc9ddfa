#include "agent/base/mutant.h"
#include "hub/core/decide/commands.h"

namespace coordhub::core {

absl::Status DecideCommand(Context& context, const ImportLines& command) {
  // The same lines were read again: after a restart, or because the answer was late.
  const bool moved_on =
      context.state.records().ImportedUpTo(command.file_id) != command.begin_offset;
  if (moved_on && !base::MutantActive("line_imported_twice")) return absl::OkStatus();
  return DecideCommand(context, command.tickets);
}

}  // namespace coordhub::core
