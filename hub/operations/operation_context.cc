#include "hub/operations/operation_context.h"

#include <utility>

#include "hub/operations/recorded_end.h"

namespace coordhub::operations {

CommandContext::CommandContext(const v1::Operation& operation, const Surroundings& surroundings)
    : operation_(operation),
      surroundings_(surroundings),
      next_note_(surroundings.clock->Mono() + surroundings.note_every) {}

void CommandContext::Progress(int percent, std::string_view note) {
  // What is told of one that is asked to stop is that it was.
  if (operation_.operation_id().empty() || cancelled() || *noting_) return;
  const base::MonoTime now = surroundings_.clock->Mono();
  if (now < next_note_ || (percent == percent_ && note == note_)) return;
  next_note_ = now + surroundings_.note_every;
  percent_ = percent;
  note_ = std::string(note);
  *noting_ = true;
  surroundings_.workspace->Submit(
      OperationsCommand(core::NoteOperation{operation_.operation_id(), percent, note_}),
      base::MonoTime::InfiniteFuture(),
      // One that could not be written down is made up for by the next.
      [noting = noting_](const absl::StatusOr<engine::Outcome>&) { *noting = false; });
}

}  // namespace coordhub::operations
