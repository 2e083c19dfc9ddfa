#include "hub/git/merger.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"
#include "hub/git/file_version.h"
#include "hub/git/footprint.h"
#include "hub/git/git_command.h"
#include "hub/git/heads.h"
#include "hub/git/library.h"
#include "hub/git/merge_bases.h"
#include "hub/git/merge_program.h"
#include "hub/git/merge_verdict.h"
#include "hub/git/repository.h"
#include "hub/git/worktrees.h"

namespace coordhub::git {
namespace {

using BlobHandle = Handle<git_blob, git_blob_free>;
using CommitHandle = Handle<git_commit, git_commit_free>;
using ObjectHandle = Handle<git_object, git_object_free>;
using OdbHandle = Handle<git_odb, git_odb_free>;
using TreeHandle = Handle<git_tree, git_tree_free>;
using TreeEntryHandle = Handle<git_tree_entry, git_tree_entry_free>;
using ReferenceIteratorHandle = Handle<git_reference_iterator, git_reference_iterator_free>;

constexpr char kUnrelated[] = "unrelated histories";
// Of all footprints together; some 24 bytes each, and what a map needs.
constexpr size_t kMaxFootprintValues = 2 << 20;
constexpr size_t kPairsBetweenQuestions = 256;
// A file in conflict that is larger is named, but none of it shown.
constexpr git_object_size_t kMaxShownFile = 16 << 20;

bool ParseId(const std::string& hex, ObjectId* id) {
  return hex.size() == GIT_OID_HEXSZ && git_oid_fromstr(&id->id, hex.c_str()) == 0;
}

// "MODIFY_DELETE" as "modify/delete".
std::string WordOf(v1::Conflict::Kind kind) {
  std::string word = absl::AsciiStrToLower(v1::Conflict::Kind_Name(kind));
  word.erase(0, std::string_view("kind_").size());
  std::replace(word.begin(), word.end(), '_', '/');
  return word;
}

std::string WordOf(const FileVersion& version) {
  return absl::StrCat(version.inode, " ", version.size, " ", version.seconds, " ",
                      version.nanoseconds, "\n");
}

// The content of a file of a tree; empty if it is none, or too large.
std::string ReadFileOf(git_repository* repository, const git_tree* tree, const std::string& path) {
  git_tree_entry* raw_entry = nullptr;
  if (git_tree_entry_bypath(&raw_entry, tree, path.c_str()) != 0) return "";
  const TreeEntryHandle entry(raw_entry);
  git_blob* raw_blob = nullptr;
  if (git_tree_entry_type(raw_entry) != GIT_OBJECT_BLOB ||
      git_blob_lookup(&raw_blob, repository, git_tree_entry_id(raw_entry)) != 0)
    return "";
  const BlobHandle blob(raw_blob);
  const git_object_size_t size = git_blob_rawsize(raw_blob);
  if (size > kMaxShownFile) return "";
  return {static_cast<const char*>(git_blob_rawcontent(raw_blob)), static_cast<size_t>(size)};
}

absl::Status AddObjects(git_repository* repository, const std::vector<std::string>& directories) {
  if (directories.empty()) return absl::OkStatus();
  git_odb* raw_odb = nullptr;
  if (git_repository_odb(&raw_odb, repository) != 0)
    return LibraryError("opening", git_repository_path(repository));
  const OdbHandle odb(raw_odb);
  for (const std::string& directory : directories) {
    if (git_odb_add_disk_alternate(raw_odb, directory.c_str()) != 0)
      return LibraryError("opening", directory);
  }
  return absl::OkStatus();
}

class GitMerger final : public Merger {
 public:
  GitMerger(std::string common_dir, RepositoryHandle repository, MergerOptions options)
      : common_dir_(std::move(common_dir)),
        options_(std::move(options)),
        repository_(std::move(repository)),
        program_(common_dir_, options_.more_objects, &cancel_),
        bases_(repository_.get()) {}

  absl::StatusOr<std::string> Resolve(const std::string& name) override {
    git_object* raw = nullptr;
    int found = GIT_ENOTFOUND;
    git_oid id;
    if (git_reference_name_to_id(&id, repository_.get(), ("refs/heads/" + name).c_str()) == 0) {
      found = git_object_lookup(&raw, repository_.get(), &id, GIT_OBJECT_ANY);
    } else if (name.size() >= GIT_OID_MINPREFIXLEN && name.size() <= GIT_OID_HEXSZ &&
               std::all_of(name.begin(), name.end(), absl::ascii_isxdigit)) {
      git_oid_fromstrn(&id, name.data(), name.size());
      found = git_object_lookup_prefix(&raw, repository_.get(), &id, name.size(), GIT_OBJECT_ANY);
    }
    const ObjectHandle object(raw);
    git_object* raw_commit = nullptr;
    if (found == 0) found = git_object_peel(&raw_commit, raw, GIT_OBJECT_COMMIT);
    const ObjectHandle commit(raw_commit);
    if (found == 0) return Hex(*git_object_id(raw_commit));
    return base::MakeError(
        v1::ERROR_REASON_BRANCH_NOT_FOUND,
        absl::StrCat(
            found == GIT_EAMBIGUOUS ? "more than one commit begins with " : "no branch or commit ",
            base::OneLine(name, 100)),
        {{"branch", base::ToValidUtf8(name)}});
  }

  MergeVerdict Compare(const std::string& ours, const std::string& theirs) override {
    bases_.UnsetTrunk();
    auto verdicts = CompareAll({{ours, theirs}}, "", [] { return false; });
    return *std::move(verdicts.front());
  }

  std::vector<std::optional<MergeVerdict>> CompareAll(
      const std::vector<CommitPair>& pairs, const std::string& trunk,
      const std::function<bool()>& should_stop) override {
    LookAround();
    if (ObjectId id; ParseId(trunk, &id)) bases_.SetTrunk(id);
    std::vector<std::optional<MergeVerdict>> verdicts(pairs.size());
    std::vector<size_t> open;
    for (size_t i = 0; i < pairs.size(); ++i) {
      if (i % kPairsBetweenQuestions == 0 && should_stop()) return verdicts;
      verdicts[i] = CompareWithoutGit(pairs[i]);
      if (!verdicts[i].has_value()) open.push_back(i);
    }
    AskGit(pairs, open, should_stop, &verdicts);
    return verdicts;
  }

  MergedTree Preview(const std::string& ours, const std::string& theirs) override {
    LookAround();
    bases_.UnsetTrunk();
    const CommitPair pair{ours, theirs};
    MergedTree merged;
    const std::optional<MergeVerdict> known = CompareWithoutGit(pair);
    if (known.has_value() && known->unknown()) {
      merged.verdict = *known;
      return merged;
    }
    const GitMerge merge = program_.Run({pair}, [] { return false; }).front();
    const std::vector<Clash> clashes = ClashesOf(merge, pair);
    merged.verdict = Tell(merge, clashes);
    if (merged.verdict.clean()) {
      merged.tree = merge.tree;
    } else if (!merged.verdict.unknown()) {
      merged.hunks = Show(merge, clashes, pair);
    }
    program_.Clear();
    return merged;
  }

  MergeCircumstances Circumstances() override {
    return {.of_all = LookAround(), .of_unknown = WordOf(VersionOf(common_dir_ + "/objects/pack"))};
  }

  void Stop() override { cancel_.Cancel(); }

 private:
  using FootprintPtr = std::shared_ptr<const Footprint>;

  // Also learns whether libgit2 sees the history that git sees.
  std::string LookAround() {
    std::string seen;
    const auto look = [&seen](const std::string& path) {
      const FileVersion version = VersionOf(path);
      seen.append(WordOf(version));
      return version.size > 0;
    };
    const bool shallow = look(common_dir_ + "/shallow");
    const bool grafted = look(common_dir_ + "/info/grafts");
    for (const char* file : {"/config", "/config.worktree", "/info/attributes"})
      look(common_dir_ + file);
    const std::string top = FindMainWorktree(common_dir_, "").top;
    if (!top.empty()) look(top + "/.gitattributes");
    const std::string replacements = ListReplacements();
    seen.append(replacements);
    shallow_ = shallow;
    sees_history_ = !shallow && !grafted && replacements.empty();
    return seen;
  }

  std::string ListReplacements() {
    git_reference_iterator* raw = nullptr;
    if (git_reference_iterator_glob_new(&raw, repository_.get(), "refs/replace/*") != 0) return "?";
    const ReferenceIteratorHandle iterator(raw);
    std::string list;
    git_reference* raw_reference = nullptr;
    while (git_reference_next(&raw_reference, raw) == 0) {
      const ReferenceHandle reference(raw_reference);
      absl::StrAppend(&list, git_reference_name(raw_reference), " ");
      if (const git_oid* id = git_reference_target(raw_reference); id != nullptr)
        absl::StrAppend(&list, Hex(*id), "\n");
    }
    return list;
  }

  // Nullopt: only a merge tells.
  std::optional<MergeVerdict> CompareWithoutGit(const CommitPair& pair) {
    ObjectId ours;
    ObjectId theirs;
    if (!ParseId(pair.ours, &ours) || !ParseId(pair.theirs, &theirs))
      return MergeVerdict{.problem = "a commit's id is not whole"};
    if (!sees_history_) return std::nullopt;
    const absl::StatusOr<MergeBase> base = bases_.Find(ours, theirs);
    // What libgit2 cannot read, git may; or it says what is missing.
    if (!base.ok() || base->kind == MergeBase::Kind::kSeveral) return std::nullopt;
    if (base->kind == MergeBase::Kind::kNone) return MergeVerdict{.problem = kUnrelated};
    const FootprintPtr our_footprint = FindFootprint(base->commit, ours);
    if (our_footprint == nullptr) return std::nullopt;
    const FootprintPtr their_footprint = FindFootprint(base->commit, theirs);
    if (their_footprint == nullptr) return std::nullopt;
    if (MergesForCertain(*our_footprint, *their_footprint)) return MergeVerdict();
    return std::nullopt;
  }

  // Null: it cannot be found out.
  FootprintPtr FindFootprint(const ObjectId& base, const ObjectId& head) {
    const auto known = footprints_.find({base, head});
    if (known != footprints_.end()) return known->second;
    absl::StatusOr<Footprint> found = FootprintOf(repository_.get(), base.id, head.id);
    if (!found.ok()) return nullptr;
    auto footprint = std::make_shared<const Footprint>(*std::move(found));
    if (footprint_values_ > kMaxFootprintValues) {
      footprints_.clear();
      footprint_values_ = 0;
    }
    // Also an empty one takes room.
    footprint_values_ += footprint->size() + 8;
    footprints_.emplace(std::pair(base, head), footprint);
    return footprint;
  }

  // Those of `pairs` that are `open`.
  void AskGit(const std::vector<CommitPair>& pairs, const std::vector<size_t>& open,
              const std::function<bool()>& should_stop,
              std::vector<std::optional<MergeVerdict>>* verdicts) {
    if (open.empty()) return;
    std::vector<CommitPair> asked;
    asked.reserve(open.size());
    for (const size_t i : open) asked.push_back(pairs[i]);
    const std::vector<GitMerge> merges = program_.Run(asked, should_stop);
    for (size_t i = 0; i < merges.size(); ++i)
      (*verdicts)[open[i]] = Tell(merges[i], ClashesOf(merges[i], asked[i]));
    program_.Clear();
  }

  MergeVerdict Tell(const GitMerge& merge, const std::vector<Clash>& clashes) const {
    MergeVerdict verdict = VerdictOf(merge, clashes, options_.max_conflicts);
    if (absl::StrContains(verdict.problem, kUnrelated)) {
      verdict.problem = shallow_ ? "the history is shallow, and what both have in common is beyond "
                                   "its end"
                                 : kUnrelated;
    }
    return verdict;
  }

  std::string Show(const GitMerge& merge, const std::vector<Clash>& clashes,
                   const CommitPair& pair) const {
    git_odb* raw_odb = nullptr;
    if (git_odb_open(&raw_odb, program_.object_directory().c_str()) != 0) return "";
    const OdbHandle odb(raw_odb);
    for (const std::string& directory : options_.more_objects)
      git_odb_add_disk_alternate(raw_odb, directory.c_str());
    git_repository* raw_repository = nullptr;
    if (git_repository_wrap_odb(&raw_repository, raw_odb) != 0) return "";
    const RepositoryHandle repository(raw_repository);
    git_tree* raw_tree = nullptr;
    ObjectId tree_id;
    if (!ParseId(merge.tree, &tree_id) ||
        git_tree_lookup(&raw_tree, raw_repository, &tree_id.id) != 0)
      return "";
    const TreeHandle tree(raw_tree);
    std::string text;
    for (const Clash& clash : clashes) {
      if (text.size() > MergedTree::kMaxHunks) break;
      absl::StrAppend(&text, text.empty() ? "" : "\n", base::OneLine(clash.path, 4096), " (",
                      WordOf(clash.kind), ")\n", SayingsOf(merge, clash),
                      HunksOf(ReadFileOf(raw_repository, raw_tree, clash.merged_path), pair));
    }
    return base::TruncateUtf8(base::ToValidUtf8(text), MergedTree::kMaxHunks);
  }

  // What git says of a path.
  static std::string SayingsOf(const GitMerge& merge, const Clash& clash) {
    std::string text;
    for (const GitMerge::Message& message : merge.messages) {
      if (message.type.rfind("CONFLICT", 0) == 0 &&
          (std::find(message.paths.begin(), message.paths.end(), clash.path) !=
               message.paths.end() ||
           std::find(message.paths.begin(), message.paths.end(), clash.merged_path) !=
               message.paths.end()))
        text.append(message.text);
    }
    return text;
  }

  const std::string common_dir_;
  const MergerOptions options_;
  const RepositoryHandle repository_;
  const GitCancel cancel_;
  MergeProgram program_;
  MergeBases bases_;
  bool shallow_ = false;
  // Neither shallow nor replaced: libgit2 knows nothing of either.
  bool sees_history_ = true;
  // By base and head.
  absl::flat_hash_map<std::pair<ObjectId, ObjectId>, FootprintPtr> footprints_;
  size_t footprint_values_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Merger>> Merger::Open(const std::string& common_dir,
                                                     MergerOptions options) {
  // Says why one cannot be read.
  COORDHUB_RETURN_IF_ERROR(Repository::Open(common_dir).status());
  git_repository* raw = nullptr;
  if (git_repository_open(&raw, common_dir.c_str()) != 0)
    return LibraryError("opening", common_dir);
  RepositoryHandle repository(raw);
  COORDHUB_RETURN_IF_ERROR(AddObjects(raw, options.more_objects));
  return std::make_unique<GitMerger>(common_dir, std::move(repository), std::move(options));
}

}  // namespace coordhub::git
