#include "hub/git/merge_verdict.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "agent/base/text.h"

namespace coordhub::git {
namespace {

// What is known of one path.
struct Evidence {
  std::string merged_path;
  // By stage; [0] is not used.
  std::string modes[4];
  std::string ids[4];
  std::set<std::string> types;
};

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// git sets a file that is in the way of a directory aside as `<path>~<side>`, with a number where
// that is taken.
std::string WithoutSide(const std::string& path, const CommitPair& pair) {
  for (const std::string* side : {&pair.ours, &pair.theirs}) {
    const size_t at = path.rfind(absl::StrCat("~", *side));
    if (at == std::string::npos || at == 0) continue;
    const std::string_view rest = std::string_view(path).substr(at + 1 + side->size());
    if (rest.empty() || rest.front() == '_') return path.substr(0, at);
  }
  return path;
}

v1::Conflict::Kind KindByStages(const Evidence& evidence) {
  const auto has = [&](int stage) { return !evidence.modes[stage].empty(); };
  if (has(2) && has(3)) {
    if (has(1)) return v1::Conflict::KIND_CONTENT;
    return evidence.ids[2] == evidence.ids[3] ? v1::Conflict::KIND_MODE
                                              : v1::Conflict::KIND_ADD_ADD;
  }
  if (has(1)) return v1::Conflict::KIND_MODIFY_DELETE;
  return v1::Conflict::KIND_RENAME;
}

// What git says of a path, the most telling first.
v1::Conflict::Kind KindOf(const Evidence& evidence) {
  struct Word {
    std::string_view word;
    v1::Conflict::Kind kind;
  };
  constexpr Word kWords[] = {
      {"rename", v1::Conflict::KIND_RENAME},
      {"file/directory", v1::Conflict::KIND_FILE_DIRECTORY},
      {"distinct", v1::Conflict::KIND_MODE},
      {"submodule", v1::Conflict::KIND_SUBMODULE},
      {"modify/delete", v1::Conflict::KIND_MODIFY_DELETE},
      {"binary", v1::Conflict::KIND_BINARY},
  };
  for (const Word& word : kWords) {
    for (const std::string& type : evidence.types) {
      if (Has(type, word.word)) return word.kind;
    }
  }
  return KindByStages(evidence);
}

}  // namespace

std::vector<Clash> ClashesOf(const GitMerge& merge, const CommitPair& pair) {
  std::vector<Clash> clashes;
  if (merge.clean || !merge.problem.empty()) return clashes;
  std::map<std::string, Evidence> paths;
  for (const GitMerge::Stage& stage : merge.stages) {
    Evidence& evidence = paths[WithoutSide(stage.path, pair)];
    evidence.merged_path = stage.path;
    if (stage.stage < 1 || stage.stage > 3) continue;
    evidence.modes[stage.stage] = stage.mode;
    evidence.ids[stage.stage] = stage.id;
  }
  // Some conflicts of directories leave nothing in an index.
  const bool only_messages = paths.empty();
  for (const GitMerge::Message& message : merge.messages) {
    if (message.type.rfind("CONFLICT", 0) != 0) continue;
    for (const std::string& path : message.paths) {
      const std::string plain = WithoutSide(path, pair);
      if (only_messages) paths.emplace(plain, Evidence{.merged_path = path});
      const auto known = paths.find(plain);
      if (known != paths.end()) known->second.types.insert(message.type);
    }
  }
  if (paths.empty()) paths["."] = {};
  for (const auto& [path, evidence] : paths)
    clashes.push_back({path, evidence.merged_path, KindOf(evidence)});
  return clashes;
}

MergeVerdict VerdictOf(const GitMerge& merge, const std::vector<Clash>& clashes,
                       size_t max_conflicts) {
  MergeVerdict verdict;
  verdict.problem = merge.problem;
  verdict.conflict_count = static_cast<int64_t>(clashes.size());
  for (size_t i = 0; i < std::min(clashes.size(), max_conflicts); ++i)
    verdict.conflicts.push_back({base::ToValidUtf8(clashes[i].path), clashes[i].kind});
  return verdict;
}

std::string HunksOf(std::string_view file, const CommitPair& pair) {
  // A marker repeats its sign; the name of the side follows, and its path if that was renamed.
  const auto is_marker = [](std::string_view line, char sign, const std::string& side) {
    const size_t signs = std::min(line.find_first_not_of(sign), line.size());
    return signs > 0 && line.substr(signs, 1 + side.size()) == absl::StrCat(" ", side);
  };
  std::string hunks;
  bool inside = false;
  while (!file.empty()) {
    const size_t end = std::min(file.find('\n'), file.size() - 1) + 1;
    const std::string_view line = file.substr(0, end);
    file.remove_prefix(end);
    if (!inside && is_marker(line, '<', pair.ours)) {
      inside = true;
      if (!hunks.empty()) hunks.push_back('\n');
    }
    if (inside) hunks.append(line);
    if (inside && is_marker(line, '>', pair.theirs)) inside = false;
  }
  return hunks;
}

}  // namespace coordhub::git
