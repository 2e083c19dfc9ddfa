// What a kind of long work is to whoever runs it.

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "coordhub/v1/operation.pb.h"
#include "google/protobuf/message.h"

namespace coordhub::operations {

// What work under way sees of the hub. Lives as long as the work; its thread, except where said.
class OperationContext {
 public:
  virtual ~OperationContext() = default;

  // As it began. Without an id: its intent is not in the log (OperationKind::RunsUnrecorded).
  virtual const v1::Operation& operation() const = 0;
  // Somebody cancelled it, or the hub stops: undo what was done, and return an error. Work that is
  // past the point of no return goes on to its end. Any thread.
  virtual bool cancelled() const = 0;
  // How much is done (0 to 100), and what is done now, one line. As often as one likes: what people
  // cannot follow is left out. Any one thread at a time.
  virtual void Progress(int percent, std::string_view note) = 0;
};

// What came of work that did what it was for.
struct OperationResult {
  // For the record, one line, up to 512 bytes.
  std::string note;
  // The response to the call that began it, as far as the work knows it; null: there is none.
  std::shared_ptr<const google::protobuf::Message> answer;
};

// What became of work that an earlier process left under way.
struct Recovery {
  // DONE: it was at its end, or was brought there. FAILED: undone. RUNNING: neither could be; the
  // next start tries again.
  v1::Operation::State state = v1::Operation::STATE_FAILED;
  std::string note;
  // Why; of all but DONE.
  std::string error;
};

// A kind of long work. One object does all operations of its kind, several at a time, each on a
// thread of WorkspaceOperations. It may block on the disk and on commands, never on another
// operation.
class OperationKind {
 public:
  virtual ~OperationKind() = default;

  virtual v1::Operation::Kind kind() const = 0;

  // Does it. An error says why not, and that nothing is left of it.
  virtual absl::StatusOr<OperationResult> Run(OperationContext& context) = 0;

  // Finishes or undoes what a process that ended left under way: at whatever point, so whatever it
  // finds it takes for its own only if it is certain. May be called again for the same operation.
  virtual Recovery Recover(OperationContext& context) = 0;

  // Whether it may take as long as somebody's program likes: then not all threads are given to it.
  virtual bool TakesLong() const { return false; }

  // Whether it is done all the same when the disk is full and its intent cannot be written down.
  virtual bool RunsUnrecorded() const { return false; }
};

}  // namespace coordhub::operations
