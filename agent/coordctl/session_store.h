// The sessions of shells: tokens kept by worktree.
//
// A shell command ends and the next one begins, but the agent stays the same. So `agent register`
// leaves the session's token in `<state>/sessions/<hash of the worktree>/<agent>`, mode 0600 in
// directories of mode 0700, and later commands and git hooks in that worktree find it. Several
// agents in one worktree have a file each and never take one another's.
//
// Thread-safe; blocks on the file system.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace coordhub::coordctl {

struct StoredSession {
  std::string agent_id;
  std::string worktree;  // absolute
  std::string token;     // secret
};

class SessionStore {
 public:
  // `directory`: `<state>/sessions`; made, with its parent, when something is stored. `hub`: empty
  // for the hub whose state directory that is; else the endpoint of a hub that keeps its state
  // elsewhere, whose sessions are told apart by it.
  SessionStore(std::string directory, std::string hub)
      : directory_(std::move(directory)), hub_(std::move(hub)) {}

  // Finds out, before there is a token, whether Put would succeed. Errors: as Put.
  absl::Status Prepare(const std::string& worktree, const std::string& agent_id) const;
  // Errors: those of base::AtomicReplaceFile and base::EnsurePrivateDirectory.
  absl::Status Put(const StoredSession& session) const;

  // Errors: INTERNAL/IO_FAILED. What is not there is no error.
  absl::Status Remove(const std::string& worktree, const std::string& agent_id) const;

  // Removes this very session; one that another command has stored in its place meanwhile stays.
  // Whatever goes wrong can wait for the next time.
  void Forget(const StoredSession& session) const;

  // All sessions of a worktree, by agent. Files that are damaged are left out.
  std::vector<StoredSession> List(const std::string& worktree) const;
  // The same over all worktrees.
  std::vector<StoredSession> ListAll() const;

 private:
  absl::Status MakeDirectories(const std::string& worktree) const;
  void Append(const std::string& directory, std::vector<StoredSession>* sessions) const;
  std::string DirectoryOf(const std::string& worktree) const;
  std::string PathOf(const std::string& worktree, const std::string& agent_id) const;

  const std::string directory_;
  const std::string hub_;
};

// Finds out, before there is a token, whether it can be written to the file `path`: as much as a
// token's file needs is written beside it, and removed again. Errors: those of
// base::AtomicReplaceFile.
absl::Status PrepareTokenFile(const std::string& path);

// What --session and COORDHUB_SESSION may hold: a token, or the path of a file that has one.
//
// Errors:
//   INVALID_ARGUMENT/INVALID_FIELD  neither. Metadata: `field` = `source`. The value itself is
//                                   never repeated, for it may be a secret.
absl::StatusOr<std::string> ReadToken(const std::string& value, const std::string& source);

}  // namespace coordhub::coordctl
