// Lines and files of others become tickets: each once, whatever happens in between.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "agent/base/error.h"
#include "agent/base/unique_fd.h"
#include "tests/mirror/shared_state_fixture.h"
#include "tests/support/child.h"

namespace coordhub::mirror {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class ImporterTest : public SharedStateTest {
 protected:
  // Opens as a shell does for `>>`, and goes on holding it.
  base::UniqueFd Hold(const std::string& name) const {
    return base::UniqueFd(
        open(Path(name).c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  }
  static void Put(const base::UniqueFd& fd, const std::string& text) {
    ASSERT_EQ(write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::vector<std::string> Retired() const { return Names(".tickets.md."); }
};

TEST_F(ImporterTest, AnAppendedLineBecomesATicketAndShowsItsId) {
  hub_.Create("first");
  Start();
  Append("tickets.md", "- [2025-07-29 12:00:01] ticket: Mend the fence\n");
  Settle();
  EXPECT_THAT(TitlesInOrder(), ElementsAre("first", "Mend the fence"));
  EXPECT_EQ(hub_.Tickets()[1].creator(), "file:tickets.md");
  EXPECT_EQ(Read("tickets.md"),
            "- [2025-07-29 12:00:00] ticket: T-1 OPEN p2 first\n"
            "- [2025-07-29 12:00:01] ticket: T-2 OPEN p2 Mend the fence\n");
  EXPECT_THAT(Retired(), IsEmpty());
  EXPECT_EQ(mirror_->problem(), "");
}

TEST_F(ImporterTest, EqualLinesAreTickets) {
  Start();
  Append("tickets.md", "again\nagain\n");
  Settle();
  Append("tickets.md", "again\n");
  Settle();
  EXPECT_EQ(hub_.Titles().at("again"), 3);
}

TEST_F(ImporterTest, LinesOfAnOldSystemAreImportedAtTheStart) {
  fs::create_directory(directory_);
  Write("tickets.md", "- [2025-07-01 08:00:00] ticket: an old one\nticket: and another\n");
  Start();
  Settle();
  EXPECT_THAT(TitlesInOrder(), ElementsAre("an old one", "and another"));
}

TEST_F(ImporterTest, ALineThatComesAfterTheReplacementIsRead) {
  Start();
  const base::UniqueFd writer = Hold("tickets.md");
  hub_.Create("something else");
  Settle();
  ASSERT_THAT(Retired(), SizeIs(1)) << "somebody has it open";
  Put(writer, "late\n");
  Settle();
  EXPECT_EQ(hub_.Titles().count("late"), 1u) << "while the writer goes on";
  Put(writer, "later\n");
  Settle();
  EXPECT_EQ(hub_.Titles().at("late"), 1);
  EXPECT_EQ(hub_.Titles().at("later"), 1);
}

TEST_F(ImporterTest, AFileGoesWhenNobodyHasItOpen) {
  Start();
  base::UniqueFd writer = Hold("tickets.md");
  hub_.Create("something else");
  Run(absl::Minutes(10));
  ASSERT_THAT(Retired(), SizeIs(1));
  Put(writer, "at the very end");
  writer.Reset();
  Run(absl::Seconds(16));
  EXPECT_THAT(Retired(), IsEmpty());
  EXPECT_EQ(hub_.Titles().at("at the very end"), 1) << "the last line needs no newline";
}

TEST_F(ImporterTest, AReaderKeepsAFileToo) {
  Start();
  const base::UniqueFd reader(open(Path("tickets.md").c_str(), O_RDONLY | O_CLOEXEC));
  hub_.Create("something else");
  Settle();
  EXPECT_THAT(Retired(), SizeIs(1));
}

TEST_F(ImporterTest, HalfALineIsNoTicket) {
  Start();
  base::UniqueFd writer = Hold("tickets.md");
  Put(writer, "whole\nMend the ");
  Run(absl::Minutes(1));
  EXPECT_THAT(TitlesInOrder(), ElementsAre("whole"));
  Put(writer, "fence\n");
  writer.Reset();
  Run(absl::Seconds(16));
  EXPECT_THAT(TitlesInOrder(), ElementsAre("whole", "Mend the fence"));
}

TEST_F(ImporterTest, AFileStaysForASecondAtLeast) {
  Start();
  Append("tickets.md", "one\n");
  Run(absl::Milliseconds(1100));  // seen, replaced, imported
  EXPECT_EQ(hub_.Titles().count("one"), 1u);
  EXPECT_THAT(Retired(), Not(IsEmpty())) << "an open by its old name may be under way";
}

TEST_F(ImporterTest, ALeftoverIsImportedByTheNextStartOnce) {
  Start();
  Append("tickets.md", "one\ntwo\n");
  hub_.lose_answers = true;
  options_.import_patience = absl::Milliseconds(1);
  Restart();
  Run(absl::Seconds(2));
  EXPECT_THAT(mirror_->problem(), HasSubstr("not answered in time"));
  hub_.lose_answers = false;
  Restart();
  Settle();
  EXPECT_THAT(TitlesInOrder(), ElementsAre("one", "two"));
  EXPECT_THAT(Retired(), IsEmpty());
  EXPECT_EQ(mirror_->problem(), "");
}

TEST_F(ImporterTest, WhatTheLogRefusesWaits) {
  Start();
  hub_.refuse_with = base::MakeError(v1::ERROR_REASON_DISK_FULL, "the disk is full");
  Append("tickets.md", "one\n# a heading\n");
  Settle();
  EXPECT_THAT(mirror_->problem(), HasSubstr("the disk is full"));
  EXPECT_EQ(Read("tickets.md"), "");
  hub_.refuse_with = absl::OkStatus();
  Settle();
  EXPECT_THAT(TitlesInOrder(), ElementsAre("one"));
  EXPECT_EQ(mirror_->problem(), "");
  const auto kept = Names("", ".rejected");
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(Read(".rejected/" + kept[0]), "# a heading\n") << "once, though it was read often";
}

TEST_F(ImporterTest, MarksGoWithTheirFiles) {
  Start();
  for (int i = 0; i < 20; ++i) {
    Append("tickets.md", "line\n");
    Settle();
  }
  EXPECT_EQ(hub_.Titles().at("line"), 20);
  EXPECT_LE(hub_.marks(), 2u);
  Restart();
  Append("tickets.md", "line\n");
  Settle();
  EXPECT_EQ(hub_.marks(), 1u) << "a start drops those that nobody dropped";
}

TEST_F(ImporterTest, ManyLinesAreImportedInManySteps) {
  Start();
  std::string text;
  for (int i = 0; i < 25'000; ++i) text += "line " + std::to_string(i) + "\n";
  Append("tickets.md", text);
  // The pace follows what the processor takes for a step, so how much time passes here is open.
  for (int i = 0; i < 100 && hub_.Tickets().size() < 25'000u; ++i) Settle();
  EXPECT_EQ(hub_.Tickets().size(), 25'000u);
  EXPECT_EQ(hub_.Titles().size(), 25'000u);
}

TEST_F(ImporterTest, WhatIsTooLongGoesOnInTheBody) {
  Start();
  const std::string words(2000, 'x');
  const std::string huge(100'000, 'y');
  const std::string monster(3 << 20, 'z');
  Append("tickets.md", "- ticket: " + words + "\n" + huge + "\n" + monster + "\nlast\n");
  Settle();
  ASSERT_EQ(hub_.Tickets().size(), 4u);
  EXPECT_LE(hub_.Tickets()[0].title().size(), 512u);
  EXPECT_EQ(hub_.bodies().at(1), words);
  EXPECT_EQ(hub_.bodies().at(2).size(), 65536u);
  EXPECT_EQ(hub_.Tickets()[3].title(), "last");
  const auto kept = Names("", ".rejected");
  ASSERT_THAT(kept, SizeIs(1)) << "what no ticket holds";
  EXPECT_THAT(Read(".rejected/" + kept[0]), HasSubstr(monster));
}

TEST_F(ImporterTest, WhatIsNoTicketIsKeptAndReported) {
  Start();
  Append("tickets.md", "# Tickets\n\n- [x] done already\nbroken \xff\xfe\nfine\n");
  Settle();
  EXPECT_THAT(TitlesInOrder(), ElementsAre("fine"));
  const auto kept = Names("", ".rejected");
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(Read(".rejected/" + kept[0]), "# Tickets\n- [x] done already\nbroken \xff\xfe\n");
  Run(absl::Seconds(15));
  EXPECT_THAT(Read("status.md"), HasSubstr("Lines that are no tickets are kept"));
  EXPECT_EQ(mirror_->problem(), "");
}

TEST_F(ImporterTest, HandEditedAndDeletedLinesAreRestored) {
  hub_.Create("one");
  hub_.Create("two");
  Start();
  const std::string ours = Read("tickets.md");
  Write("tickets.md", "- [2025-07-29 12:00:00] ticket: T-1 DONE p0 forged\n");
  Settle();
  EXPECT_EQ(Read("tickets.md"), ours);
  fs::remove(Path("tickets.md"));
  Settle();
  EXPECT_EQ(Read("tickets.md"), ours);
  EXPECT_EQ(hub_.Tickets().size(), 2u);
}

TEST_F(ImporterTest, AFileThatIsWrittenAnewIsReadAnew) {
  Start();
  const base::UniqueFd writer(open(Path("tickets.md").c_str(), O_WRONLY | O_CLOEXEC));
  Put(writer, "the first version of this\n");
  hub_.Create("something else");
  Settle();
  ASSERT_EQ(ftruncate(writer.get(), 0), 0);
  ASSERT_EQ(lseek(writer.get(), 0, SEEK_SET), 0);
  Put(writer, "second\n");
  Settle();
  EXPECT_EQ(hub_.Titles().at("the first version of this"), 1);
  EXPECT_EQ(hub_.Titles().at("second"), 1);
}

// A restored log gives up what was made after its backup; old copies must not bring it back.
TEST_F(ImporterTest, OwnLinesOfAnotherLogAreNoNewTickets) {
  options_.log_id = "a";
  Start();
  const base::UniqueFd writer = Hold("tickets.md");
  hub_.Create("something else");
  Settle();
  ASSERT_THAT(Retired(), SizeIs(1));
  options_.log_id = "b";
  Restart();
  Put(writer, "- [2025-07-29 12:00:00] ticket: T-99 OPEN p2 given up\nappended\n");
  Settle();
  EXPECT_THAT(TitlesInOrder(), ElementsAre("something else", "appended"));
  Append("tickets.md", "- [2025-07-29 12:00:00] ticket: T-98 OPEN p2 imitated\n");
  Settle();
  EXPECT_EQ(hub_.Titles().count("imitated"), 1u);
}

// ---- inbox ----

TEST_F(ImporterTest, FilesInTheInboxBecomeTickets) {
  Start();
  Write("inbox/plan.md", "- Paint the door\n- [ ] Oil the hinge\n");
  Write("inbox/more.jsonl",
        "{\"title\": \"From JSON\", \"priority\": 0, \"body\": \"At length.\"}\n"
        "{\"title\": \"Depends\", \"dependencies\": [{\"ticketId\": \"T-999\"}]}\nnot json\n");
  Settle();
  EXPECT_THAT(Names("", "inbox"), IsEmpty());
  EXPECT_THAT(Names(".inbox."), IsEmpty());
  ASSERT_THAT(TitlesInOrder(),
              ::testing::UnorderedElementsAre("Paint the door", "Oil the hinge", "From JSON"));
  for (const v1::Ticket& ticket : hub_.Tickets()) {
    const bool json = ticket.title() == "From JSON";
    EXPECT_EQ(ticket.creator(), json ? "file:inbox/more.jsonl" : "file:inbox/plan.md");
    EXPECT_EQ(ticket.priority(), json ? 0 : 2);
  }
  EXPECT_THAT(Names("", ".rejected"), SizeIs(1));
}

TEST_F(ImporterTest, AFileInTheInboxIsTakenWhenItIsComplete) {
  Start();
  base::UniqueFd writer = Hold("inbox/slow");
  Put(writer, "first\n");
  Write("inbox/.hidden", "no\n");
  Write("inbox/draft~", "no\n");
  Settle();
  EXPECT_THAT(hub_.Titles(), IsEmpty());
  Put(writer, "second\n");
  writer.Reset();
  Settle();
  EXPECT_THAT(TitlesInOrder(), ElementsAre("first", "second"));
  EXPECT_THAT(Names("", "inbox"), ElementsAre(".hidden", "draft~"));
}

TEST_F(ImporterTest, LinksAndSpecialFilesInTheInboxAreLeftAlone) {
  const std::string outside = temp_.path() + "/outside";
  std::ofstream(outside) << "precious\n";
  Start();
  fs::create_symlink(outside, Path("inbox/link"));
  fs::create_hard_link(outside, Path("inbox/hard"));
  ASSERT_EQ(mkfifo(Path("inbox/pipe").c_str(), 0600), 0);
  fs::create_directory(Path("inbox/folder"));
  Write("inbox/fine", "fine\n");
  Run(absl::Seconds(20));
  EXPECT_THAT(TitlesInOrder(), ElementsAre("fine"));
  EXPECT_THAT(Names("", "inbox"), SizeIs(4));
  EXPECT_THAT(Read("status.md"), HasSubstr("inbox/link is a symbolic link"));
  EXPECT_THAT(Read("status.md"), HasSubstr("inbox/hard is a file with several names"));
}

// ---- in the place of tickets.md ----

TEST_F(ImporterTest, LinksInThePlaceOfTheFileAreNotRead) {
  const std::string outside = temp_.path() + "/outside";
  std::ofstream(outside) << "precious\n";
  hub_.Create("one");
  Start();
  const std::string ours = Read("tickets.md");
  fs::remove(Path("tickets.md"));
  fs::create_symlink(outside, Path("tickets.md"));
  Settle();
  EXPECT_EQ(Read("tickets.md"), ours);
  fs::remove(Path("tickets.md"));
  fs::create_hard_link(outside, Path("tickets.md"));
  Settle();
  EXPECT_EQ(Read("tickets.md"), ours);
  fs::remove(Path("tickets.md"));
  ASSERT_EQ(mkfifo(Path("tickets.md").c_str(), 0600), 0);
  Settle();
  EXPECT_EQ(Read("tickets.md"), ours);
  EXPECT_THAT(TitlesInOrder(), ElementsAre("one"));
  EXPECT_EQ(fs::file_size(outside), 9u);
  EXPECT_THAT(Retired(), IsEmpty());
}

// As a backup makes them (`cp -al`).
TEST_F(ImporterTest, ACopyByHardLinksOfWhatOnlyTheHubWroteIsNothingToKeep) {
  hub_.Create("one");
  Start();
  const std::string copy = temp_.path() + "/copy.md";
  fs::create_hard_link(Path("tickets.md"), copy);
  hub_.Create("two");
  Settle();
  EXPECT_THAT(Retired(), IsEmpty());
  EXPECT_FALSE(fs::exists(Path(".rejected")));
  EXPECT_EQ(fs::file_size(copy), fs::file_size(Path("tickets.md")) / 2) << "it stays as it is";
  EXPECT_THAT(TitlesInOrder(), ElementsAre("one", "two"));

  fs::create_hard_link(Path("tickets.md"), copy + "2");
  Append("tickets.md", "somebody's\n");
  Settle();
  EXPECT_THAT(Names("", ".rejected"), SizeIs(1)) << "one that others wrote to";
}

TEST_F(ImporterTest, DirectoriesThatAreLinksAreNotFollowed) {
  const std::string outside = temp_.path() + "/outside";
  fs::create_directory(outside);
  std::ofstream(outside + "/note") << "not ours\n";
  Start();
  fs::remove_all(Path("inbox"));
  fs::create_directory_symlink(outside, Path("inbox"));
  fs::create_directory_symlink(outside, Path(".rejected"));
  Append("tickets.md", "one\n");
  Settle();
  EXPECT_THAT(mirror_->problem(), HasSubstr("inbox must be a directory"));
  EXPECT_THAT(Read("tickets.md"), HasSubstr("T-1 OPEN p2 one\n")) << "the rest goes on";

  fs::remove(Path("inbox"));
  Append("tickets.md", "# a heading\nfine\n");
  Settle();
  EXPECT_THAT(mirror_->problem(), HasSubstr(".rejected must be a directory"));
  EXPECT_THAT(Retired(), Not(IsEmpty())) << "it is kept where it is";
  fs::remove(Path(".rejected"));
  Settle();
  EXPECT_EQ(mirror_->problem(), "");
  EXPECT_THAT(TitlesInOrder(), ElementsAre("one", "fine"));
  EXPECT_EQ(std::distance(fs::directory_iterator(outside), {}), 1);
}

TEST_F(ImporterTest, AFullRejectedDirectoryHoldsUpOnlyWhatBelongsThere) {
  Start();
  fs::create_directory(Path(".rejected"));
  for (int i = 0; i < 256; ++i) Write(".rejected/old" + std::to_string(i), "old\n");
  Append("tickets.md", "# a heading\nbehind it\n");
  Settle();
  EXPECT_THAT(mirror_->problem(), HasSubstr("is full of lines that are no tickets"));
  Append("tickets.md", "elsewhere\n");
  Settle();
  EXPECT_THAT(TitlesInOrder(), ElementsAre("elsewhere"));
  fs::remove(Path(".rejected/old0"));
  Settle();
  EXPECT_THAT(TitlesInOrder(), ElementsAre("elsewhere", "behind it"));
  EXPECT_EQ(mirror_->problem(), "");
}

// ---- what a file system cannot do ----

struct Abilities {
  const char* name;
  RetireBy retire_by;
  bool leases;
};

class LesserFileSystemTest : public ImporterTest,
                             public ::testing::WithParamInterface<Abilities> {};

TEST_P(LesserFileSystemTest, LosesNothing) {
  options_.retire_by = GetParam().retire_by;
  options_.leases = GetParam().leases;
  Start();
  for (int i = 0; i < 30; ++i) {
    Append("tickets.md", "appended " + std::to_string(i) + "\n");
    hub_.Create("made " + std::to_string(i));
    Run(absl::Milliseconds(150));
    Append("tickets.md", "late " + std::to_string(i) + "\n");
    Run(absl::Milliseconds(70));
  }
  Settle();
  EXPECT_EQ(hub_.Tickets().size(), 90u);
  EXPECT_EQ(hub_.Titles().size(), 90u);
  EXPECT_THAT(Retired(), IsEmpty());
  EXPECT_EQ(mirror_->problem(), "");
}

TEST_P(LesserFileSystemTest, NoticesAnotherProcessThatHasTheFileOpen) {
  options_.retire_by = GetParam().retire_by;
  options_.leases = GetParam().leases;
  Start();
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  const base::UniqueFd writer = Hold("tickets.md");
  test::Child child = test::Child::Running([&] {
    close(go[1]);
    char byte;
    const bool told = read(go[0], &byte, 1) == 0;  // its end closes
    return told && write(writer.get(), "late\n", 5) == 5 ? 0 : 1;
  });
  const_cast<base::UniqueFd&>(writer).Reset();
  close(go[0]);
  hub_.Create("something else");
  Settle();
  EXPECT_THAT(Retired(), SizeIs(1));
  close(go[1]);
  EXPECT_EQ(child.Wait(), 0);
  Run(absl::Seconds(16));
  EXPECT_EQ(hub_.Titles().count("late"), 1u);
  EXPECT_THAT(Retired(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, LesserFileSystemTest,
                         ::testing::Values(Abilities{"Full", RetireBy::kExchange, true},
                                           Abilities{"NoExchange", RetireBy::kLink, true},
                                           Abilities{"NoLinks", RetireBy::kRename, true},
                                           Abilities{"NoLeases", RetireBy::kExchange, false}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace coordhub::mirror
