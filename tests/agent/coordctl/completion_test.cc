// The completion scripts, in the shells themselves.

#include "agent/coordctl/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/coordctl/app.h"
#include "tests/support/needs.h"
#include "tests/support/terminal.h"

namespace coordhub::coordctl {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class Completion : public testing::Test {
 protected:
  Completion() {
    std::string pattern = testing::TempDir() + "/completionXXXXXX";
    dir_ = mkdtemp(pattern.data());
    Context context((Host()));
    const auto app = MakeApp(&context);
    std::ofstream(dir_ + "/bash") << BashCompletion(*app);
    std::ofstream(dir_ + "/zsh") << ZshCompletion(*app);
    // Stands in for the program when the scripts ask the hub.
    std::ofstream(dir_ + "/coordctl")
        << "#!/bin/sh\n"
           "case \"$*\" in\n"
           "  *'ticket list') printf 'T-1\\tOPEN\\tp2\\t\\t\\t\\tFirst: "
           "one\\nT-2\\tOPEN\\tp2\\t\\t\\t\\tSecond\\n' ;;\n"
           "  *'agent list') printf 'conversation-1\\tACTIVE\\n' ;;\n"
           "esac\n";
    chmod((dir_ + "/coordctl").c_str(), 0700);
  }
  ~Completion() override { std::filesystem::remove_all(dir_); }

  // What the shell prints, line by line.
  std::vector<std::string> Shell(const std::string& command) {
    std::ofstream(dir_ + "/run") << command;
    std::FILE* pipe = popen((shell_ + " " + dir_ + "/run 2>&1").c_str(), "r");
    std::string out;
    char buffer[4096];
    while (const size_t got = fread(buffer, 1, sizeof(buffer), pipe)) out.append(buffer, got);
    EXPECT_EQ(pclose(pipe), 0) << out;
    return absl::StrSplit(out, '\n', absl::SkipEmpty());
  }

  std::string shell_;
  std::string dir_;
};

class Bash : public Completion {
 protected:
  Bash() { shell_ = "bash --norc --noprofile"; }

  // What is offered after these words, the last being the one under the cursor.
  std::vector<std::string> Offered(std::vector<std::string> words) {
    std::string script = absl::StrCat("source ", dir_, "/bash\nCOMP_WORDS=(", dir_, "/coordctl");
    for (const std::string& word : words) absl::StrAppend(&script, " '", word, "'");
    absl::StrAppend(&script, ")\nCOMP_CWORD=", words.size(),
                    "\n_coordctl\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
    return Shell(script);
  }
};

TEST_F(Bash, TheScriptIsSound) {
  EXPECT_THAT(Shell("set -e -u\nsource " + dir_ + "/bash\ncomplete -p coordctl\n"),
              ElementsAre("complete -F _coordctl coordctl"));
}

TEST_F(Bash, OffersCommandsThenTheirSubcommands) {
  EXPECT_THAT(Offered({""}),
              UnorderedElementsAre("agent", "ticket", "loop", "round", "worktree", "gate",
                                   "operation", "status", "top", "conflicts", "debug", "maintain",
                                   "watch", "me", "hub", "completion"));
  EXPECT_THAT(Offered({"ti"}), ElementsAre("ticket"));
  EXPECT_THAT(Offered({"agent", ""}),
              UnorderedElementsAre("register", "list", "show", "hold", "leave"));
  EXPECT_THAT(Offered({"ticket", "c"}),
              UnorderedElementsAre("create", "claim", "complete", "cancel", "comment"));
}

TEST_F(Bash, OffersOptionsOfTheCommandAndOfAll) {
  EXPECT_THAT(Offered({"maintain", "--"}), AllOf(Contains("--yes"), Contains("--dry-run")));
  EXPECT_THAT(Offered({"ticket", "create", "--ti"}), UnorderedElementsAre("--title", "--timeout"));
  EXPECT_THAT(Offered({"ticket", "list", "--"}),
              AllOf(Contains("--state"), Contains("--json"), Not(Contains("--title"))));
}

TEST_F(Bash, OffersValuesThatAreOneOfAFew) {
  EXPECT_THAT(Offered({"ticket", "list", "--state", "b"}),
              UnorderedElementsAre("blocked", "buried"));
  EXPECT_THAT(Offered({"--color", ""}), UnorderedElementsAre("auto", "always", "never"));
  EXPECT_THAT(Offered({"ticket", "list", "--state", "=", "op"}), ElementsAre("open"));
  EXPECT_THAT(Offered({"completion", ""}), UnorderedElementsAre("bash", "zsh"));
  EXPECT_THAT(Offered({"ticket", "create", "--title", ""}), IsEmpty());
}

TEST_F(Bash, AnOptionsValueIsNoCommand) {
  EXPECT_THAT(Offered({"--as", "ticket", "age"}), ElementsAre("agent"));
  EXPECT_THAT(Offered({"--json", "ticket", "sho"}), ElementsAre("show"));
}

TEST_F(Bash, AsksTheHubForTicketsAndAgents) {
  EXPECT_THAT(Offered({"ticket", "show", ""}), UnorderedElementsAre("T-1", "T-2"));
  EXPECT_THAT(Offered({"ticket", "list", "--holder", "c"}), ElementsAre("conversation-1"));
}

// The real thing, with presses of Tab. A directory that is called as a command is does not make a
// path of the word; where files are asked for it does.
TEST_F(Bash, CompletesAtAPrompt) {
  COORDHUB_NEEDS(Pty());
  std::filesystem::create_directory(dir_ + "/agent");
  const test::Terminal prompt([this] {
    setenv("TERM", "dumb", 1);  // NOLINT(concurrency-mt-unsafe): one thread after fork
    if (chdir(dir_.c_str()) == 0) execlp("bash", "bash", "--norc", "--noprofile", "-i", nullptr);
    return 1;
  });
  // Until readline shows its prompt the terminal itself echoes what is typed, Tab and all.
  prompt.Type("bind 'set enable-bracketed-paste off'; . ./bash; PS1='pro''mpt> '\n", "prompt> ");
  EXPECT_THAT(prompt.Type("coordctl ag\tX", "X"), HasSubstr("coordctl agent X"));
  EXPECT_THAT(prompt.Type("\x15"
                          "coordctl ticket import ag\tX",
                          "X"),
              HasSubstr("import agent/X"));
}

class Zsh : public Completion {
 protected:
  Zsh() { shell_ = "zsh -f"; }
  void SetUp() override { COORDHUB_NEEDS(Program("zsh")); }

  // As above; zsh's own helpers are replaced by ones that print what they are given.
  std::vector<std::string> Offered(std::vector<std::string> words) {
    std::string script = absl::StrCat(
        "compdef() { }\n"
        "_describe() { print -l -- ${(P)argv[-1]} }\n"
        "_message() { }\n_files() { print files $* }\ncompset() { }\n"
        "source ",
        dir_, "/zsh\nwords=(", dir_, "/coordctl");
    for (const std::string& word : words) absl::StrAppend(&script, " '", word, "'");
    absl::StrAppend(&script, ")\nCURRENT=", words.size() + 1, "\n_coordctl\ntrue\n");
    return Shell(script);
  }
};

TEST_F(Zsh, TheScriptRegistersItself) {
  EXPECT_THAT(Shell("compdef() { print compdef $* }\nsource " + dir_ + "/zsh\n"),
              ElementsAre("compdef _coordctl coordctl"));
}

TEST_F(Zsh, OffersCommandsWithWhatTheyDo) {
  const auto commands = Offered({""});
  EXPECT_EQ(commands.size(), 16u);
  EXPECT_THAT(commands, Contains("top:What `status` shows, live: changes appear as they happen"));
  EXPECT_THAT(commands, Contains("me:Who the hub takes you for, and what you hold"));
  EXPECT_THAT(Offered({"ticket", ""}),
              Contains("show:Show a ticket with its body and newest comments"));
}

TEST_F(Zsh, OffersOptionsAndValues) {
  EXPECT_THAT(Offered({"ticket", "create", "--"}),
              AllOf(Contains("--title:One line, up to 512 bytes"),
                    Contains("--json:Print JSON, errors too (on standard error)")));
  EXPECT_THAT(Offered({"ticket", "list", "--state", ""}),
              AllOf(Contains("open"), Contains("buried")));
  EXPECT_THAT(Offered({"--color=a"}), ElementsAre("auto", "always", "never"));
  EXPECT_THAT(Offered({"ticket", "import", ""}), ElementsAre("files"));
  EXPECT_THAT(Offered({"debug", "--bundle", ""}), ElementsAre("files"));
}

TEST_F(Zsh, AsksTheHubForTicketsWithTheirTitles) {
  EXPECT_THAT(Offered({"ticket", "show", ""}), ElementsAre("T-1:First: one", "T-2:Second"));
}

// The real thing: a terminal, zsh's completion system, a press of Tab.
TEST_F(Zsh, CompletesAtAPrompt) {
  COORDHUB_NEEDS(Pty());
  const auto lines = Shell(
      "zmodload zsh/zpty\n"
      "zpty shell 'TERM=dumb zsh -f -i'\n"
      "zpty -w shell \"PS1=; unsetopt zle_bracketed_paste; autoload -U compinit; "
      "compinit -u -D; source " +
      dir_ +
      "/zsh; print READY\"\n"
      "zpty -r shell line '*READY*READY*'\n"
      "zpty -w -n shell $'coordctl tick\\t'\n"
      "zpty -r shell line '*ticket*'\n"
      "[[ $line == *'ticket'* ]] && print completed\n"
      "zpty -d shell\n");
  EXPECT_THAT(lines, ElementsAre("completed"));
}

}  // namespace
}  // namespace coordhub::coordctl
