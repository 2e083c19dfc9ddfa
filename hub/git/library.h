// libgit2: its handles owned, its errors turned into statuses. Private to this folder, which is the
// only one in the hub that includes git2.h.

#pragma once

#include <git2.h>

#include <memory>
#include <string_view>

#include "absl/status/status.h"

namespace coordhub::git {

// Starts libgit2 for whoever uses it in this process, so that it reads repositories with those
// extensions that plain git sets by itself (`git sparse-checkout`, `git clone --filter`) and that
// change nothing of what we read. Before anything of it is called. Idempotent, thread-safe; never
// undone.
void InitializeLibgit2();

// The status for a failed call on `path`. Call at once, on the thread that made the call: libgit2
// keeps the error's text by thread. Reason IO_FAILED; metadata `operation`, `path`.
absl::Status LibraryError(std::string_view operation, std::string_view path);

template <class T, void (*Free)(T*)>
struct HandleDeleter {
  void operator()(T* handle) const { Free(handle); }
};
template <class T, void (*Free)(T*)>
using Handle = std::unique_ptr<T, HandleDeleter<T, Free>>;

using RepositoryHandle = Handle<git_repository, git_repository_free>;
using ReferenceHandle = Handle<git_reference, git_reference_free>;
using IndexHandle = Handle<git_index, git_index_free>;

}  // namespace coordhub::git
