#include "hub/git/library.h"

#include <string>

#include "agent/base/error.h"

namespace coordhub::git {

// libgit2 counts its initialisations, so others in the process may do the same. Never undone: the
// library's thread-local state must outlive every thread that used it.
void InitializeLibgit2() {
  static const bool initialized = [] {
    git_libgit2_init();
    const char* harmless[] = {"worktreeconfig", "partialclone", "preciousobjects",
                              "relativeworktrees"};
    git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, harmless, sizeof(harmless) / sizeof(harmless[0]));
    return true;
  }();
  (void)initialized;
}

absl::Status LibraryError(std::string_view operation, std::string_view path) {
  const git_error* error = git_error_last();
  std::string message = std::string(operation) + " of " + std::string(path) + " failed";
  if (error != nullptr && error->message != nullptr) message.append(": ").append(error->message);
  return base::MakeError(v1::ERROR_REASON_IO_FAILED, message,
                         {{"operation", std::string(operation)}, {"path", std::string(path)}});
}

}  // namespace coordhub::git
