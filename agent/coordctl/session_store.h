// The sessions of shells: tokens kept by worktree.
//
// A shell command ends and the next one begins, but the agent stays the same. So `agent register`
// leaves the session's token in `<state>/sessions/<hash of the worktree's id>/<agent>`, mode 0600
// in directories of mode 0700, and later commands and git hooks in that worktree find it. Several
// agents in one worktree have a file each and never take one another's.
//
// A session that has ended leaves a tombstone in its place, without the token: whoever comes later
// finds that an agent was here, and does not take the worktree for one where nobody ever was. It
// goes with the next registration there, or with the worktree.
//
// Thread-safe; blocks on the file system.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace coordhub::coordctl {

// A worktree, as sessions are bound to it: not by its path, at which another may be made later.
struct WorktreeRef {
  std::string path;  // absolute
  // ReadWorktreeId; empty: it has none, so nobody was registered in it.
  std::string id;
  // It is no worktree of this repository, and all that is known of it is its path.
  bool by_path = false;
};

struct StoredSession {
  std::string agent_id;
  std::string worktree;     // where it was when this was stored
  std::string worktree_id;  // empty: the path is all that is known
  std::string token;        // secret; empty: the session has ended
  std::string file;         // where it is kept

  bool ended() const { return token.empty(); }
};

// What is kept of one worktree's agents, each in the order of names.
struct KeptSessions {
  std::vector<StoredSession> live;  // as far as was noted
  std::vector<StoredSession> ended;
  // What is there and cannot be read, with the reason: of whom it is, nobody knows.
  std::vector<std::string> unreadable;
};

class SessionStore {
 public:
  // `directory`: `<state>/sessions`; made, with its parent, when something is stored. `hub`: empty
  // for the hub whose state directory that is; else the endpoint of a hub that keeps its state
  // elsewhere, whose sessions are told apart by it.
  SessionStore(std::string directory, std::string hub)
      : directory_(std::move(directory)), hub_(std::move(hub)) {}

  // Finds out, before there is a token, whether Put would succeed. Errors: as Put.
  absl::Status Prepare(const WorktreeRef& worktree, const std::string& agent_id) const;
  // Errors: those of base::AtomicReplaceFile and base::EnsurePrivateDirectory.
  absl::Status Put(const WorktreeRef& worktree, const std::string& agent_id,
                   const std::string& token) const;

  // Puts a tombstone in the place of this very session; one that another command has stored there
  // meanwhile stays. If that fails the token stays, which the hub refuses.
  void Entomb(const StoredSession& session) const;
  // Removes what is kept of the session, tombstone or token, likewise.
  void Remove(const StoredSession& session) const;
  // Removes all of a worktree but its live sessions: somebody is registered there again.
  void ForgetEnded(const WorktreeRef& worktree) const;

  KeptSessions List(const WorktreeRef& worktree) const;
  // What can be read over all worktrees, tombstones, too.
  std::vector<StoredSession> ListAll() const;

 private:
  absl::Status MakeDirectories(const WorktreeRef& worktree) const;
  void Append(const std::string& directory, KeptSessions* kept) const;
  std::string DirectoryOf(const WorktreeRef& worktree) const;
  // Where versions before ids kept a worktree's sessions: by its path.
  std::string OldDirectoryOf(const WorktreeRef& worktree) const;
  std::string DirectoryFor(const std::string& key) const;
  std::string PathOf(const WorktreeRef& worktree, const std::string& agent_id) const;
  bool StillKept(const StoredSession& session) const;

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
