#include "agent/coordctl/help.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "agent/coordctl/app.h"

namespace coordhub::coordctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Every command, as the words that lead to it.
void Collect(const CLI::App& app, const std::vector<std::string>& path,
             std::vector<std::vector<std::string>>* commands) {
  if (!path.empty()) commands->push_back(path);
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    std::vector<std::string> longer = path;
    longer.push_back(child->get_name());
    Collect(*child, longer, commands);
  }
}

// Names and descriptions. (In the text of --help what excludes what has no order of its own.)
std::vector<std::string> OptionsOf(const CLI::App& app) {
  std::vector<std::string> options;
  for (const CLI::Option* option : app.get_options()) {
    options.push_back(option->get_name(true, true) + ": " + option->get_description());
  }
  return options;
}

// The words of a shell's line, as far as our examples go: quotes, and $(…) as one word, with the
// quotes that it has.
std::vector<std::string> Words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  char quote = 0;
  int depth = 0;
  bool begun = false;
  for (const char c : line) {
    if (quote != 0) {
      if (c != quote || depth > 0) word += c;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      if (depth > 0) word += c;
      quote = c;
      begun = true;
    } else if (c == ' ' && depth == 0) {
      if (begun) words.push_back(word);
      word.clear();
      begun = false;
    } else {
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      word += c;
      begun = true;
    }
  }
  if (begun) words.push_back(word);
  return words;
}

// The coordctl commands in a line of shell: what stands before the next pipe or semicolon, also
// within $(…).
std::vector<std::vector<std::string>> CommandsIn(const std::string& line) {
  std::vector<std::vector<std::string>> commands;
  std::vector<std::string> command;
  bool ours = false;
  for (const std::string& word : Words(line)) {
    if (const size_t within = word.find("$(coordctl "); within != std::string::npos) {
      for (auto& found : CommandsIn(word.substr(within + 2, word.rfind(')') - within - 2))) {
        commands.push_back(std::move(found));
      }
    }
    if (word == "|" || word == "&&" || word == "||" || word == "&" || word == ";" || word == "#" ||
        word == ">") {
      if (ours) commands.push_back(command);
      ours = false;
    } else if (ours) {
      command.push_back(word == "$PPID" ? "1" : word);
    } else if (word == "coordctl") {
      ours = true;
      command.clear();
    }
  }
  if (ours) commands.push_back(command);
  return commands;
}

void ExpectParses(const std::string& line) {
  for (std::vector<std::string> command : CommandsIn(line)) {
    Context context((Host()));
    const auto app = MakeApp(&context);
    std::reverse(command.begin(), command.end());
    try {
      app->parse(command);
      EXPECT_TRUE(context.run() != nullptr) << line;
    } catch (const CLI::ParseError& error) {
      ADD_FAILURE() << line << ": " << error.what();
    }
  }
}

TEST(Help, EveryCommandHasADescriptionAndExamplesThatParse) {
  Context context((Host()));
  const auto app = MakeApp(&context);
  std::vector<std::vector<std::string>> commands;
  Collect(*app, {}, &commands);
  EXPECT_GT(commands.size(), 28u);
  for (std::vector<std::string> command : commands) {
    std::ostringstream out;
    Host host;
    host.out = host.err = &out;
    const bool is_group =
        command.size() == 1 &&
        (command[0] == "agent" || command[0] == "ticket" || command[0] == "loop" ||
         command[0] == "operation" || command[0] == "round" || command[0] == "worktree" ||
         command[0] == "gate");
    command.push_back("--help");
    EXPECT_EQ(RunCoordctl(host, command), 0);
    if (is_group) continue;
    EXPECT_THAT(out.str(), HasSubstr("Examples:\n  ")) << command[0];
    const std::string text = out.str();
    const std::string examples = text.substr(text.find("Examples:\n") + 10);
    for (const absl::string_view line : absl::StrSplit(examples, '\n')) {
      if (line.substr(0, 2) == "  ") ExpectParses(std::string(line.substr(2)));
    }
  }
}

TEST(Tree, ALineMakesOnlyTheCommandsThatItNames) {
  Context context((Host()));
  std::vector<std::vector<std::string>> made;
  Collect(*MakeAppFor(&context, {"--as", "a", "ticket", "show", "list"}), {}, &made);
  EXPECT_THAT(made, ElementsAre(ElementsAre("ticket"), ElementsAre("ticket", "list"),
                                ElementsAre("ticket", "show")));
  made.clear();
  Collect(*MakeAppFor(&context, {"create", "nothing"}), {}, &made);
  EXPECT_THAT(made, IsEmpty());
}

TEST(Tree, WhatALineNamesIsAsInTheWholeTree) {
  Context context((Host()));
  const auto whole = MakeApp(&context);
  std::vector<std::vector<std::string>> commands;
  Collect(*whole, {}, &commands);
  for (const std::vector<std::string>& command : commands) {
    const auto part = MakeAppFor(&context, command);
    const CLI::App* ours = part.get();
    const CLI::App* theirs = whole.get();
    for (const std::string& word : command) {
      ours = ours->get_subcommand(word);
      theirs = theirs->get_subcommand(word);
    }
    const bool is_group = !theirs->get_subcommands([](const CLI::App*) { return true; }).empty();
    if (is_group) continue;
    EXPECT_EQ(ours->get_description(), theirs->get_description());
    EXPECT_EQ(ours->get_footer(), theirs->get_footer());
    EXPECT_EQ(OptionsOf(*ours), OptionsOf(*theirs)) << command.back();
  }
  // What prints the tree has all of it.
  std::vector<std::vector<std::string>> made;
  Collect(*MakeAppFor(&context, {"completion", "bash"}), {}, &made);
  EXPECT_EQ(made, commands);
}

TEST(Tree, AWrongLineIsToldWithAllCommandsInMind) {
  std::ostringstream err;
  Host host;
  host.out = host.err = &err;
  EXPECT_EQ(RunCoordctl(host, {"--json", "ticket", "creat"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("did you mean create?"));
  err.str("");
  EXPECT_EQ(RunCoordctl(host, {"loop"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("needs one of: list, step, pause, resume"));
}

// Where nothing is ready, nothing is completed either: no stale ticket of the environment.
TEST(Help, TheExampleThatExportsDoesNothingWithoutWork) {
  std::ostringstream out;
  Host host;
  host.out = host.err = &out;
  EXPECT_EQ(RunCoordctl(host, {"ticket", "next", "--help"}), 0);
  std::string example;
  for (const absl::string_view line : absl::StrSplit(out.str(), '\n')) {
    if (absl::StrContains(line, "ticket next --export")) example = std::string(line);
  }
  ASSERT_THAT(example, HasSubstr("ticket complete"));
  for (const bool ready : {false, true}) {
    const std::string script = "coordctl() { case \"$2\" in next) " +
                               std::string(ready ? "echo export COORDHUB_TICKET=T-1" : "return 5") +
                               ";; complete) echo \"completed $COORDHUB_TICKET\";; esac; }; " +
                               example;
    std::FILE* pipe = popen(("bash -c '" + script + "'").c_str(), "r");
    char said[64] = "";
    const size_t size = fread(said, 1, sizeof(said) - 1, pipe);
    EXPECT_EQ(WEXITSTATUS(pclose(pipe)), ready ? 0 : 5);
    EXPECT_EQ(std::string(said, size), ready ? "completed T-1\n" : "");
  }
}

TEST(Help, TheRootNamesExitCodesAndEnvironment) {
  std::ostringstream out;
  Host host;
  host.out = host.err = &out;
  EXPECT_EQ(RunCoordctl(host, {"--help"}), 0);
  for (const char* said : {"0 ok", "1 failed", "2 usage", "3 not found", "4 refused or lost",
                           "5 nothing ready", "6 no hub", "COORDHUB_ENDPOINT", "NO_COLOR"}) {
    EXPECT_THAT(out.str(), HasSubstr(said));
  }
}

TEST(Help, LinesFitATerminal) {
  Context context((Host()));
  const auto app = MakeApp(&context);
  std::vector<std::vector<std::string>> commands;
  Collect(*app, {}, &commands);
  for (std::vector<std::string> command : commands) {
    std::ostringstream out;
    Host host;
    host.out = host.err = &out;
    command.push_back("--help");
    EXPECT_EQ(RunCoordctl(host, command), 0) << out.str();
    EXPECT_GT(out.str().size(), 100u) << "it says something";
    for (const absl::string_view line : absl::StrSplit(out.str(), '\n')) {
      EXPECT_LE(line.size(), 100u) << line;
    }
  }
}

TEST(Help, WrapWordsKeepsWordsWhole) {
  EXPECT_EQ(WrapWords("aa bb cc", 5), "aa bb\ncc");
  EXPECT_EQ(WrapWords("aaaaaaaa b", 5), "aaaaaaaa\nb");
  EXPECT_EQ(WrapWords("", 5), "");
}

TEST(Version, IsThatOfTheBuild) {
  std::ostringstream out;
  Host host;
  host.out = host.err = &out;
  EXPECT_EQ(RunCoordctl(host, {"--version"}), 0);
  EXPECT_EQ(out.str(), std::string("coordctl ") + COORDHUB_VERSION + "\n");
}

// Within the text, `coordctl ticket import FILE`; what runs each is in tests/e2e/readme_test.
TEST(Readme, EveryCommandThatTheProjectsMentionsParses) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here changes the environment.
  const char* root = std::getenv("COORDHUB_SOURCE_DIR");
  ASSERT_NE(root, nullptr) << "run by ctest";
  std::ifstream readme(std::string(root) + "/README.md");
  ASSERT_TRUE(readme.good());
  int commands = 0;
  for (std::string line; std::getline(readme, line);) {
    const std::vector<std::string> spans = absl::StrSplit(line, '`');
    for (size_t i = 1; i < spans.size(); i += 2) {  // what stands between two of them
      if (!absl::StartsWith(spans[i], "coordctl ") || spans[i] == "coordctl --help") continue;
      ExpectParses(absl::StrReplaceAll(spans[i], {{"--pid P", "--pid 1"}}));
      ++commands;
    }
  }
  EXPECT_GT(commands, 5);
}

TEST(Readme, EveryCommandInItParses) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here changes the environment.
  const char* root = std::getenv("COORDHUB_SOURCE_DIR");
  ASSERT_NE(root, nullptr) << "run by ctest";
  std::ifstream readme(std::string(root) + "/agent/coordctl/README.md");
  ASSERT_TRUE(readme.good());
  bool in_block = false;
  int commands = 0;
  for (std::string line; std::getline(readme, line);) {
    if (line.compare(0, 3, "```") == 0) {
      in_block = line == "```sh";
    } else if (in_block) {
      commands += static_cast<int>(CommandsIn(line).size());
      ExpectParses(line);
    }
  }
  EXPECT_GT(commands, 10);
}

}  // namespace
}  // namespace coordhub::coordctl
