#include "hub/git/library.h"

#include <string>

#include "agent/base/error.h"

namespace coordhub::git {

absl::Status LibraryError(std::string_view operation, std::string_view path) {
  const git_error* error = git_error_last();
  std::string message = std::string(operation) + " of " + std::string(path) + " failed";
  if (error != nullptr && error->message != nullptr) message.append(": ").append(error->message);
  return base::MakeError(v1::ERROR_REASON_IO_FAILED, message,
                         {{"operation", std::string(operation)}, {"path", std::string(path)}});
}

}  // namespace coordhub::git
