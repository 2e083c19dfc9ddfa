#include "agent/coordctl/conflict_view.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/text.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/terminal.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kNameWidth = 40;
constexpr size_t kShown = 200;

// What a cell of the matrix says of a pair.
struct Mark {
  int files = 0;
  bool unknown = false;
  bool uncommitted = false;

  std::string Text() const {
    return absl::StrCat(unknown && files == 0 ? "?" : absl::StrCat(files), uncommitted ? "~" : "");
  }
};

std::string Padded(const std::string& text, size_t width) {
  const size_t used = DisplayWidth(text);
  return std::string(used < width ? width - used : 0, ' ') + text;
}

std::string Files(int count) { return absl::StrCat(count, count == 1 ? " file" : " files"); }

class Matrix {
 public:
  Matrix(const Context& context, const std::vector<pb::Conflict>& conflicts) : context_(context) {
    std::set<std::string> names;
    for (const pb::Conflict& conflict : conflicts) {
      names.insert(conflict.branch_a());
      names.insert(conflict.branch_b());
      Mark& mark = marks_[{conflict.branch_a(), conflict.branch_b()}];
      // What is committed says more than what is not.
      if (!conflict.uncommitted() || mark.files == 0) mark.files = conflict.path_count();
      mark.unknown |= !conflict.problem().empty();
      mark.uncommitted |= conflict.uncommitted();
    }
    names_.assign(names.begin(), names.end());
    cell_ = absl::StrCat(names_.size()).size();
    for (const auto& [pair, mark] : marks_) cell_ = std::max(cell_, mark.Text().size());
    cell_ += 2;
    for (const std::string& name : names_) {
      shown_.push_back(FitWidth(base::TerminalSafe(name), kNameWidth));
      name_width_ = std::max(name_width_, DisplayWidth(shown_.back()));
    }
  }

  size_t width() const { return number_width() + 1 + name_width_ + cell_ * names_.size(); }

  std::string Render() const {
    std::string text(number_width() + 1 + name_width_, ' ');
    for (size_t i = 0; i < names_.size(); ++i) text += Padded(absl::StrCat(i + 1), cell_);
    text += "\n";
    for (size_t row = 0; row < names_.size(); ++row) {
      absl::StrAppend(&text, Padded(absl::StrCat(row + 1), number_width()), " ", shown_[row],
                      std::string(name_width_ - DisplayWidth(shown_[row]), ' '));
      for (size_t column = 0; column < names_.size(); ++column) text += CellAt(row, column);
      text += "\n";
    }
    return text;
  }

 private:
  size_t number_width() const { return absl::StrCat(names_.size()).size(); }

  std::string CellAt(size_t row, size_t column) const {
    if (row == column) return Padded("-", cell_);
    const auto& [less, greater] = std::minmax(names_[row], names_[column]);
    const auto mark = marks_.find({less, greater});
    if (mark == marks_.end()) return Paint(Padded(".", cell_), Color::kDim, context_.color());
    const bool sure = !mark->second.uncommitted && !mark->second.unknown;
    return Paint(Padded(mark->second.Text(), cell_), sure ? Color::kRed : Color::kYellow,
                 context_.color());
  }

  const Context& context_;
  std::map<std::pair<std::string, std::string>, Mark> marks_;
  std::vector<std::string> names_;
  std::vector<std::string> shown_;
  size_t name_width_ = 0;
  size_t cell_ = 0;
};

std::string KindOf(const pb::Conflict& conflict) {
  std::string kind = conflict.problem().empty() ? KindName(conflict.kind()) : "unknown";
  return conflict.uncommitted() ? kind + ", uncommitted" : kind;
}

std::string OwnersOf(const pb::Conflict& conflict) {
  std::vector<std::string> owners;
  for (const std::string& owner : {conflict.owner_a_agent_id(), conflict.owner_b_agent_id()}) {
    if (!owner.empty()) owners.push_back(owner);
  }
  return absl::StrJoin(owners, " ");
}

std::string PathsOf(const pb::Conflict& conflict) {
  if (!conflict.problem().empty()) return base::OneLine(conflict.problem(), kShown);
  std::string paths = absl::StrJoin(conflict.paths(), " ");
  const int left = conflict.path_count() - conflict.paths_size();
  if (left > 0) absl::StrAppend(&paths, " and ", left, " more");
  return paths;
}

}  // namespace

std::string ConflictMatrix(const Context& context, const std::vector<pb::Conflict>& conflicts) {
  const Matrix matrix(context, conflicts);
  const int columns = context.host().columns;
  if (columns > 0 && matrix.width() > static_cast<size_t>(columns)) return "";
  return matrix.Render();
}

Table ConflictTable(const Context& context, const std::vector<pb::Conflict>& conflicts,
                    absl::Time now) {
  Table table = context.NewTable({"BRANCH", "WITH", "FILES", "KIND", "AGE", "OWNERS", "PATHS"});
  for (const pb::Conflict& conflict : conflicts) {
    const bool known = conflict.problem().empty();
    table.Add(
        {{conflict.branch_a(), Color::kBold},
         {conflict.branch_b(), Color::kBold},
         {known ? absl::StrCat(conflict.path_count()) : "?"},
         {KindOf(conflict), known && !conflict.uncommitted() ? Color::kRed : Color::kYellow},
         {conflict.has_open_time() ? ShowAge(agent::FromProto(conflict.open_time()), now) : ""},
         {OwnersOf(conflict)},
         {PathsOf(conflict)}});
  }
  return table;
}

std::string MergeText(const Context& context, const std::string& ours, const std::string& theirs,
                      const pb::PreviewMergeResponse& merge) {
  const std::string both =
      absl::StrCat(base::TerminalSafe(ours), " and ", base::TerminalSafe(theirs));
  const bool color = context.color();
  if (!merge.has_conflict()) {
    return absl::StrCat(both, Paint(" merge", Color::kGreen, color), "\n");
  }
  const pb::Conflict& conflict = merge.conflict();
  const std::string with = conflict.uncommitted() ? ", with what is uncommitted" : "";
  if (!conflict.problem().empty()) {
    return absl::StrCat(Paint("nobody can tell", Color::kYellow, color), " whether ", both,
                        " merge: ", base::OneLine(base::TerminalSafe(conflict.problem()), kShown),
                        "\n");
  }
  std::string text = absl::StrCat(both, Paint(" do not merge", Color::kRed, color), with, ": ",
                                  Files(conflict.path_count()), "\n");
  for (int i = 0; i < conflict.paths_size(); ++i) {
    const std::string kind =
        i < conflict.path_kinds_size() ? KindName(conflict.path_kinds(i)) : std::string();
    absl::StrAppend(&text, "  ", base::TerminalSafe(conflict.paths(i)), "  ", kind, "\n");
  }
  const int left = conflict.path_count() - conflict.paths_size();
  if (left > 0) absl::StrAppend(&text, "  and ", left, " more\n");
  if (!merge.hunks().empty()) absl::StrAppend(&text, "\n", SafeBlock(merge.hunks(), "  "));
  if (merge.hunks_cut()) text += "\nThere is more than is shown here.\n";
  return text;
}

Table HotFileTable(const Context& context, const std::vector<HotFile>& files, absl::Time now) {
  Table table = context.NewTable({"FILE", "OPENED", "PAIRS", "AGE"});
  for (const HotFile& file : files) {
    table.Add({{file.path, Color::kBold},
               {absl::StrCat(file.opened)},
               {absl::StrCat(file.pairs.size())},
               {ShowAge(file.last_open_time, now)}});
  }
  return table;
}

std::string HotFileJson(const std::vector<HotFile>& files, int64_t from_revision, bool pretty) {
  nlohmann::ordered_json json = {{"fromRevision", absl::StrCat(from_revision)},
                                 {"files", nlohmann::ordered_json::array()}};
  for (const HotFile& file : files) {
    json["files"].push_back(
        {{"path", file.path},
         {"opened", file.opened},
         {"pairs", file.pairs},
         {"lastOpenTime",
          absl::FormatTime(absl::RFC3339_sec, file.last_open_time, absl::UTCTimeZone())}});
  }
  return DumpJson(json, pretty) + "\n";
}

}  // namespace coordhub::coordctl
