#include "hub/git/heads.h"

#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "agent/base/atomic_file.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "hub/git/file_version.h"

namespace coordhub::git {
namespace {

using IteratorHandle = Handle<git_reference_iterator, git_reference_iterator_free>;

constexpr std::string_view kHeadsPrefix = "refs/heads/";
constexpr std::string_view kSymbolic = "ref: ";
constexpr size_t kMaxHeadFile = 4096;
constexpr int kAttempts = 10;

// The commit that a reference leads to; false when it leads nowhere.
bool Resolve(const git_reference* reference, git_oid* id) {
  if (git_reference_type(reference) == GIT_REFERENCE_DIRECT) {
    git_oid_cpy(id, git_reference_target(reference));
    return true;
  }
  git_reference* raw = nullptr;
  if (git_reference_resolve(&raw, reference) != 0) return false;
  const ReferenceHandle resolved(raw);
  git_oid_cpy(id, git_reference_target(resolved.get()));
  return true;
}

absl::StatusOr<Heads> ListHeads(git_repository* repository) {
  git_reference_iterator* raw_iterator = nullptr;
  if (git_reference_iterator_glob_new(&raw_iterator, repository, "refs/heads/*") != 0) {
    return LibraryError("listing branches", git_repository_commondir(repository));
  }
  const IteratorHandle iterator(raw_iterator);
  Heads heads;
  for (;;) {
    git_reference* raw = nullptr;
    const int result = git_reference_next(&raw, iterator.get());
    if (result == GIT_ITEROVER) return heads;
    if (result != 0) return LibraryError("listing branches", git_repository_commondir(repository));
    const ReferenceHandle reference(raw);
    std::string_view name = git_reference_name(reference.get());
    name.remove_prefix(std::min(name.size(), kHeadsPrefix.size()));
    git_oid id;
    if (Resolve(reference.get(), &id)) heads.emplace(name, id);
  }
}

absl::Status NotObserved(const std::string& path, std::string_view why) {
  return base::MakeError(v1::ERROR_REASON_NOT_OBSERVED, why, {{"path", path}});
}

// HEAD as a symbolic link is how git once wrote it.
absl::StatusOr<std::string> ReadHeadText(const std::string& path) {
  std::array<char, kMaxHeadFile> link;
  const ssize_t size = readlink(path.c_str(), link.data(), link.size());
  if (size > 0) return absl::StrCat("ref: ", std::string(link.data(), static_cast<size_t>(size)));
  COORDHUB_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                            base::ReadFile(path, kMaxHeadFile));
  if (!text.has_value()) return NotObserved(path, absl::StrCat("there is no ", path));
  return *text;
}

}  // namespace

absl::StatusOr<Heads> ReadHeads(git_repository* repository) {
  // A reference is packed by writing packed-refs and then removing its file, so what was neither in
  // the old packed-refs nor is a file any more is found by reading again.
  const std::string packed = absl::StrCat(git_repository_commondir(repository), "packed-refs");
  absl::Status failure;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const FileVersion before = VersionOf(packed);
    absl::StatusOr<Heads> heads = ListHeads(repository);
    if (heads.ok() && VersionOf(packed) == before) return heads;
    failure = heads.status();
  }
  if (!failure.ok()) return NotObserved(packed, base::ToStd(failure.message()));
  return NotObserved(packed, "branches were packed over and over while they were read");
}

absl::StatusOr<HeadFile> ReadHeadFile(const std::string& git_dir) {
  const std::string path = git_dir + "/HEAD";
  absl::StatusOr<std::string> text = ReadHeadText(path);
  if (!text.ok()) return NotObserved(path, base::ToStd(text.status().message()));
  std::string_view line = std::string_view(*text).substr(0, text->find('\n'));
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
  if (line.substr(0, kSymbolic.size()) != kSymbolic) {
    return HeadFile{.branch = "", .commit = std::string(line)};
  }
  line.remove_prefix(kSymbolic.size());
  if (line.substr(0, kHeadsPrefix.size()) == kHeadsPrefix) line.remove_prefix(kHeadsPrefix.size());
  return HeadFile{.branch = std::string(line), .commit = ""};
}

bool MatchesAny(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
  });
}

std::string ChooseTarget(git_repository* repository, const Heads& heads,
                         const std::string& configured) {
  if (!configured.empty()) return configured;
  constexpr std::string_view kOrigin = "refs/remotes/origin/";
  git_reference* raw = nullptr;
  if (git_reference_lookup(&raw, repository, "refs/remotes/origin/HEAD") == 0) {
    const ReferenceHandle origin(raw);
    const char* target = git_reference_symbolic_target(origin.get());
    std::string_view name = target == nullptr ? "" : target;
    if (name.substr(0, kOrigin.size()) == kOrigin) {
      name.remove_prefix(kOrigin.size());
      if (heads.find(name) != heads.end()) return std::string(name);
    }
  }
  for (const char* usual : {"main", "master"}) {
    if (heads.find(usual) != heads.end()) return usual;
  }
  return "";
}

std::string Hex(const git_oid& id) {
  std::array<char, GIT_OID_HEXSZ + 1> text;
  return git_oid_tostr(text.data(), text.size(), &id);
}

}  // namespace coordhub::git
