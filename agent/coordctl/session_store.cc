#include "agent/coordctl/session_store.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

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

// The session in the file, if it is one of `hub`.
std::optional<StoredSession> ReadSession(const std::string& path, const std::string& hub) {
  const auto text = base::ReadFile(path, kMaxFileBytes);
  if (!text.ok() || !text->has_value()) return std::nullopt;
  const Json json = Json::parse(**text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  StoredSession session;
  std::string of_hub;
  for (const auto& [key, field] :
       {std::pair{"agent", &session.agent_id}, std::pair{"worktree", &session.worktree},
        std::pair{"hub", &of_hub}, std::pair{"token", &session.token}}) {
    const auto it = json.find(key);
    if (it == json.end() || !it->is_string()) return std::nullopt;
    *field = it->get<std::string>();
  }
  if (of_hub != hub) return std::nullopt;
  return session;
}

std::vector<std::string> Entries(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    // What AtomicReplaceFile leaves behind when it is killed begins with a dot.
    if (it->path().filename().string()[0] != '.') paths.push_back(it->path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

absl::Status SessionStore::MakeDirectories(const std::string& worktree) const {
  const std::string parent = std::filesystem::path(directory_).parent_path().string();
  if (std::error_code error; !std::filesystem::exists(parent, error)) {
    COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(parent));
  }
  COORDHUB_RETURN_IF_ERROR(base::EnsurePrivateDirectory(directory_));
  return base::EnsurePrivateDirectory(DirectoryOf(worktree));
}

absl::Status SessionStore::Prepare(const std::string& worktree, const std::string& agent_id) const {
  COORDHUB_RETURN_IF_ERROR(MakeDirectories(worktree));
  return PrepareTokenFile(PathOf(worktree, agent_id));
}

absl::Status SessionStore::Put(const StoredSession& session) const {
  COORDHUB_RETURN_IF_ERROR(MakeDirectories(session.worktree));
  const Json json = {{"agent", session.agent_id},
                     {"worktree", session.worktree},
                     {"hub", hub_},
                     {"token", session.token}};
  // A path need not be UTF-8, JSON must.
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return base::AtomicReplaceFile(PathOf(session.worktree, session.agent_id), text, 0600);
}

absl::Status SessionStore::Remove(const std::string& worktree, const std::string& agent_id) const {
  const std::string path = PathOf(worktree, agent_id);
  if (unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return absl::OkStatus();
  return base::MakeIoError("unlink", path, errno);
}

void SessionStore::Forget(const StoredSession& session) const {
  const auto kept = ReadSession(PathOf(session.worktree, session.agent_id), hub_);
  if (!kept.has_value() || kept->token != session.token) return;
  (void)Remove(session.worktree, session.agent_id);
}

std::vector<StoredSession> SessionStore::List(const std::string& worktree) const {
  std::vector<StoredSession> sessions;
  Append(DirectoryOf(worktree), &sessions);
  return sessions;
}

std::vector<StoredSession> SessionStore::ListAll() const {
  std::vector<StoredSession> sessions;
  for (const std::string& directory : Entries(directory_)) Append(directory, &sessions);
  return sessions;
}

void SessionStore::Append(const std::string& directory,
                          std::vector<StoredSession>* sessions) const {
  for (const std::string& path : Entries(directory)) {
    if (auto session = ReadSession(path, hub_)) sessions->push_back(*std::move(session));
  }
}

std::string SessionStore::DirectoryOf(const std::string& worktree) const {
  const std::string key = hub_.empty() ? worktree : worktree + '\n' + hub_;
  return directory_ + "/" + base::HexEncode(base::Sha256(key)).substr(0, 16);
}

std::string SessionStore::PathOf(const std::string& worktree, const std::string& agent_id) const {
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
