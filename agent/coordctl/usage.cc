#include "agent/coordctl/usage.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/error.h"
#include "agent/base/text.h"
#include "agent/coordctl/suggest.h"

namespace coordhub::coordctl {
namespace {

std::vector<const CLI::App*> Children(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> ChildNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* child : Children(app)) names.push_back(child->get_name());
  return names;
}

// The command that the line has come to.
const CLI::App& Deepest(const CLI::App& root) {
  const CLI::App* deepest = &root;
  for (auto below = deepest->get_subcommands(); !below.empty();
       below = deepest->get_subcommands()) {
    deepest = below.back();
  }
  return *deepest;
}

// "coordctl ticket list"
std::string PathOf(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : absl::StrCat(PathOf(*parent), " ", app.get_name());
}

// Commands anywhere in the tree that are called `name`, for those who forgot what comes before it.
void CollectNamed(const CLI::App& app, const std::string& name, std::vector<std::string>* found) {
  for (const CLI::App* child : Children(app)) {
    if (child->get_name() == name) found->push_back(PathOf(*child));
    CollectNamed(*child, name, found);
  }
}

const CLI::App& RootOf(const CLI::App& app) {
  return app.get_parent() == nullptr ? app : RootOf(*app.get_parent());
}

absl::Status UnknownCommand(const CLI::App& group, const std::string& word) {
  std::string nearest = Nearest(word, ChildNames(group));
  std::string text = absl::StrCat("\"", base::OneLine(base::TerminalSafe(word), 64),
                                  "\" is no command of ", PathOf(group));
  std::vector<std::string> elsewhere;
  CollectNamed(RootOf(group), word, &elsewhere);
  if (!elsewhere.empty()) {
    nearest = elsewhere[0];
    absl::StrAppend(&text, "; did you mean ", absl::StrJoin(elsewhere, " or "), "?");
  } else if (!nearest.empty()) {
    absl::StrAppend(&text, "; did you mean ", nearest, "?");
  } else {
    absl::StrAppend(&text, ", which has: ", absl::StrJoin(ChildNames(group), ", "));
  }
  return base::MakeFieldError("COMMAND", text, {{"nearest", nearest}});
}

absl::Status UnknownOption(const CLI::App& command, const std::string& word) {
  std::vector<std::string> known;
  for (const CLI::App* app = &command; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    }
  }
  const std::string option = word.substr(0, word.find('='));
  const std::string nearest = option.size() > 2 ? Nearest(option, known) : "";
  return base::MakeFieldError(
      option,
      absl::StrCat("is no option of ", PathOf(command),
                   nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")),
      {{"nearest", nearest}});
}

}  // namespace

absl::Status UsageError(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = Deepest(app);
  const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
  const bool is_group = !Children(command).empty();
  if (!unknown.empty()) {
    if (unknown[0].size() > 1 && unknown[0][0] == '-') return UnknownOption(command, unknown[0]);
    if (is_group) return UnknownCommand(command, unknown[0]);
    return base::MakeFieldError(
        "command line", absl::StrCat("\"", base::OneLine(base::TerminalSafe(unknown[0]), 64),
                                     "\" is one word too many for ", PathOf(command)));
  }
  if (is_group && error.get_name() == "RequiredError") {
    return base::MakeFieldError(
        "COMMAND",
        absl::StrCat(PathOf(command), " needs one of: ", absl::StrJoin(ChildNames(command), ", ")));
  }
  return base::MakeFieldError("command line", error.what());
}

}  // namespace coordhub::coordctl
