#include "agent/coordctl/session_store.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/sha256.h"
#include "agent/base/status_macros.h"

namespace coordhub::coordctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxFileBytes = size_t{16} * 1024;
constexpr std::string_view kTokenPrefix = "chs_";

// An agent's id as a file name: whatever a path could be upset by is written as %XX.
std::string FileNameOf(const std::string& agent_id) {
  static constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  std::string name;
  for (const char c : agent_id) {
    if (kPlain.find(c) != std::string_view::npos || (c == '.' && !name.empty())) {
      name += c;
    } else {
      char escaped[4];
      std::snprintf(escaped, sizeof(escaped), "%%%02X", static_cast<unsigned char>(c));
      name += escaped;
    }
  }
  // An id of 128 bytes can grow beyond what a file name may have.
  static constexpr size_t kMaxNameBytes = 200;
  if (name.size() <= kMaxNameBytes) return name;
  return name.substr(0, kMaxNameBytes - 17) + "-" +
         base::HexEncode(base::Sha256(agent_id)).substr(0, 16);
}

absl::Status Unreadable(const std::string& path, const std::string& why) {
  return absl::InternalError(absl::StrCat(path, ": ", why));
}

// One that was kept, and for which hub.
struct ReadBack {
  StoredSession session;
  std::string hub;
};

// The text under `key`, if that is one.
bool TakeText(const Json& json, const char* key, std::string* text) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_string()) return false;
  *text = it->get<std::string>();
  return true;
}

// Errors: NOT_FOUND: it is gone; else it cannot be read, or is no session.
absl::StatusOr<ReadBack> ReadSession(const std::string& path) {
  const auto text = base::ReadFile(path, kMaxFileBytes);
  if (!text.ok()) return Unreadable(path, std::string(text.status().message()));
  if (!text->has_value()) return absl::NotFoundError(path);
  const Json json = Json::parse(**text, nullptr, /*allow_exceptions=*/false);
  ReadBack read;
  read.session.file = path;
  if (!json.is_object() || !TakeText(json, "agent", &read.session.agent_id) ||
      !TakeText(json, "worktree", &read.session.worktree) || !TakeText(json, "hub", &read.hub)) {
    return Unreadable(path, "it is damaged");
  }
  // Versions before did not have it.
  (void)TakeText(json, "worktree_id", &read.session.worktree_id);
  const auto ended = json.find("ended");
  if (ended != json.end() && ended->is_boolean() && ended->get<bool>()) return read;
  if (!TakeText(json, "token", &read.session.token) || read.session.token.empty()) {
    return Unreadable(path, "it has no token");
  }
  return read;
}

std::string TextOf(const StoredSession& session, const std::string& hub) {
  Json json = {{"agent", session.agent_id},
               {"worktree", session.worktree},
               {"worktree_id", session.worktree_id},
               {"hub", hub}};
  if (session.ended()) {
    json["ended"] = true;
  } else {
    json["token"] = session.token;
  }
  // A path need not be UTF-8, JSON must.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// What is in the directory; `*error` is set where that cannot be told (that it is not there can).
std::vector<std::string> Entries(const std::string& directory, std::error_code* error) {
  std::vector<std::string> paths;
  for (std::filesystem::directory_iterator it(directory, *error), end; !*error && it != end;
       it.increment(*error)) {
    // What AtomicReplaceFile leaves behind when it is killed begins with a dot.
    if (it->path().filename().string()[0] != '.') paths.push_back(it->path().string());
  }
  if (*error == std::errc::no_such_file_or_directory) error->clear();
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

absl::Status SessionStore::MakeDirectories(const WorktreeRef& worktree) const {
  const std::string parent = std::filesystem::path(directory_).parent_path().string();
  if (std::error_code error; !std::filesystem::exists(parent, error)) {
    COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(parent));
  }
  COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(directory_));
  return base::EnsurePrivateDirectory(DirectoryOf(worktree));
}

absl::Status SessionStore::Prepare(const WorktreeRef& worktree, const std::string& agent_id) const {
  COORDHUB_RETURN_IF_ERROR(MakeDirectories(worktree));
  return PrepareTokenFile(PathOf(worktree, agent_id));
}

absl::Status SessionStore::Put(const WorktreeRef& worktree, const std::string& agent_id,
                               const std::string& token) const {
  COORDHUB_RETURN_IF_ERROR(MakeDirectories(worktree));
  const StoredSession session = {agent_id, worktree.path, worktree.by_path ? "" : worktree.id,
                                 token, PathOf(worktree, agent_id)};
  return base::AtomicReplaceFile(session.file, TextOf(session, hub_), 0600);
}

bool SessionStore::StillKept(const StoredSession& session) const {
  const auto kept = ReadSession(session.file);
  return kept.ok() && kept->session.token == session.token;
}

void SessionStore::Entomb(const StoredSession& session) const {
  if (session.ended() || !StillKept(session)) return;
  StoredSession tombstone = session;
  tombstone.token.clear();
  (void)base::AtomicReplaceFile(session.file, TextOf(tombstone, hub_), 0600);
}

void SessionStore::Remove(const StoredSession& session) const {
  if (StillKept(session)) (void)unlink(session.file.c_str());
}

void SessionStore::ForgetEnded(const WorktreeRef& worktree) const {
  std::error_code error;
  for (const std::string& path : Entries(DirectoryOf(worktree), &error)) {
    const auto kept = ReadSession(path);
    if (!kept.ok() || kept->session.ended()) (void)unlink(path.c_str());
  }
  if (worktree.by_path) return;
  for (const std::string& path : Entries(OldDirectoryOf(worktree), &error)) {
    (void)unlink(path.c_str());
  }
}

KeptSessions SessionStore::List(const WorktreeRef& worktree) const {
  KeptSessions kept;
  if (worktree.by_path || !worktree.id.empty()) Append(DirectoryOf(worktree), &kept);
  if (worktree.by_path) return kept;
  // Nobody can tell whether it was this worktree, or one before it at the same path. Its agent
  // registers again, and resumes.
  KeptSessions old;
  Append(OldDirectoryOf(worktree), &old);
  for (auto* sessions : {&old.live, &old.ended}) {
    for (StoredSession& session : *sessions) kept.ended.push_back(std::move(session));
  }
  return kept;
}

std::vector<StoredSession> SessionStore::ListAll() const {
  KeptSessions kept;
  std::error_code error;
  for (const std::string& directory : Entries(directory_, &error)) Append(directory, &kept);
  std::vector<StoredSession> all = std::move(kept.live);
  for (StoredSession& session : kept.ended) all.push_back(std::move(session));
  return all;
}

void SessionStore::Append(const std::string& directory, KeptSessions* kept) const {
  std::error_code error;
  for (const std::string& path : Entries(directory, &error)) {
    auto read = ReadSession(path);
    if (absl::IsNotFound(read.status())) continue;
    if (!read.ok()) {
      kept->unreadable.emplace_back(read.status().message());
    } else if (read->hub == hub_) {
      (read->session.ended() ? kept->ended : kept->live).push_back(std::move(read->session));
    }
  }
  if (error) kept->unreadable.push_back(absl::StrCat(directory, ": ", error.message()));
}

std::string SessionStore::DirectoryOf(const WorktreeRef& worktree) const {
  return DirectoryFor(worktree.by_path ? "path:" + worktree.path : "id:" + worktree.id);
}

std::string SessionStore::OldDirectoryOf(const WorktreeRef& worktree) const {
  return DirectoryFor(worktree.path);
}

std::string SessionStore::DirectoryFor(const std::string& key) const {
  const std::string whole = hub_.empty() ? key : key + '\n' + hub_;
  return directory_ + "/" + base::HexEncode(base::Sha256(whole)).substr(0, 16);
}

std::string SessionStore::PathOf(const WorktreeRef& worktree, const std::string& agent_id) const {
  return DirectoryOf(worktree) + "/" + FileNameOf(agent_id);
}

absl::Status PrepareTokenFile(const std::string& path) {
  static constexpr size_t kEnoughBytes = 8192;  // for a token, a worktree's path and an endpoint
  const std::filesystem::path file(path);
  // Begins with a dot, so that it is no session even where it stays behind.
  const std::string probe =
      (file.parent_path() / ("." + file.filename().string() + ".probe")).string();
  const absl::Status written =
      base::AtomicReplaceFile(probe, std::string(kEnoughBytes, '\n'), 0600, base::Sync::kNo);
  (void)unlink(probe.c_str());
  // At the path itself a file may be replaced, a directory not.
  if (std::error_code error; written.ok() && std::filesystem::is_directory(file, error)) {
    return base::MakeIoError("rename", path, EISDIR);
  }
  return written;
}

absl::StatusOr<std::string> ReadToken(const std::string& value, const std::string& source) {
  if (value.compare(0, kTokenPrefix.size(), kTokenPrefix) == 0) return value;
  const auto text = base::ReadFile(value, kMaxFileBytes);
  if (text.ok() && text->has_value()) {
    const std::string& content = **text;
    const size_t begin = content.find(kTokenPrefix);
    if (begin != std::string::npos) {
      return content.substr(begin, content.find_first_of(" \t\r\n\"", begin) - begin);
    }
  }
  return base::MakeFieldError(source, "is neither a session's token nor a file that has one");
}

}  // namespace coordhub::coordctl
