#include "hub/mirror/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/ids.h"
#include "agent/base/log.h"
#include "agent/base/manual_clock.h"
#include "hub/mirror/rejected_lines.h"
#include "tests/agent/base/temp_dir.h"
#include "tests/mirror/view_builder.h"

namespace coordhub::mirror {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using v1::Ticket;

class RecordedLog : public base::LogSink {
 public:
  void Write(base::LogLevel, std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

class MirrorTest : public ::testing::Test {
 protected:
  MirrorTest() : log_(std::make_shared<RecordedLog>()) {
    base::SetLogSink(log_, base::LogLevel::kInfo);
    directory_ = temp_.path() + "/shared_state";
    Show(ViewBuilder().Revision(1).Ticket(1, Ticket::STATE_OPEN, "one"));
    Restart();
  }
  ~MirrorTest() override { base::SetLogSink(nullptr, base::LogLevel::kError); }

  // A mirror of a new process.
  void Restart() {
    MirrorOptions options;
    options.directory = directory_;
    options.view = [this] { return view_; };
    options.decorate_agent = [](const core::View&, v1::Agent* agent) {
      agent->set_state(v1::Agent::STATE_SUSPECT);
    };
    options.processor_time = [this] { return processor_time_; };
    options.current_branch = [this] {
      clock_.Advance(round_takes_);
      processor_time_ += round_computes_;
      return std::string("main");
    };
    options.loops = [] {
      v1::Loop running;
      running.set_state(v1::Loop::STATE_RUNNING);
      v1::Loop paused;
      paused.set_state(v1::Loop::STATE_PAUSED);
      return std::vector<v1::Loop>{running, paused};
    };
    options.rounds = [this](const core::View&) { return rounds_; };
    options.look_interval = absl::Seconds(15);
    options.ids = &ids_;
    options.submit = [](std::unique_ptr<core::Command>, const engine::Done& done) {
      done(absl::UnavailableError("nothing is to be imported here"));
    };
    options.on_mirrored = [this](int64_t revision) { mirrored_.push_back(revision); };
    mirror_ = std::make_unique<Mirror>(std::move(options), &clock_);
  }

  void Show(const ViewBuilder& builder) { view_ = builder.Build(); }

  // Steps once it may write, and returns how long after the step the next one is due.
  absl::Duration StepWhenAllowed() {
    if (mirror_->earliest() > clock_.Mono()) clock_.Advance(mirror_->earliest() - clock_.Mono());
    const base::MonoTime next = mirror_->Step();
    return next - clock_.Mono();
  }

  std::string Read(const std::string& name) const {
    std::ifstream file(directory_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ + "/" + name, std::ios::binary) << text;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      std::string name = entry.path().filename().string();
      // What the importer has to do with is for its own tests.
      if (name != "inbox" && name.front() != '.') names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  // What is in .rejected/.
  std::vector<std::string> Rejected() const {
    std::vector<std::string> texts;
    if (!fs::exists(directory_ + "/.rejected")) return texts;
    for (const auto& entry : fs::directory_iterator(directory_ + "/.rejected"))
      texts.push_back(Read(".rejected/" + entry.path().filename().string()));
    return texts;
  }
  ino_t InodeOf(const std::string& name) const {
    struct stat info {};
    EXPECT_EQ(stat((directory_ + "/" + name).c_str(), &info), 0) << name;
    return info.st_ino;
  }

  base::TempDir temp_;
  std::shared_ptr<RecordedLog> log_;
  base::ManualClock clock_;
  std::string directory_;
  std::shared_ptr<const core::View> view_;
  absl::Duration round_takes_;
  absl::Duration round_computes_;
  absl::Duration processor_time_;
  base::SequenceIdSource ids_{1};
  std::vector<v1::Round> rounds_;
  std::vector<int64_t> mirrored_;
  std::unique_ptr<Mirror> mirror_;
};

constexpr char kLineOne[] = "- [2025-07-29 12:00:00] ticket: T-1 OPEN p2 one\n";

TEST_F(MirrorTest, MakesTheDirectoryAndBothFiles) {
  EXPECT_EQ(StepWhenAllowed(), absl::Seconds(15));
  EXPECT_THAT(Names(), ElementsAre("status.md", "tickets.md"));
  EXPECT_EQ(Read("tickets.md"), kLineOne);
  EXPECT_THAT(Read("status.md"), HasSubstr("- Last update: 2025-07-29 12:00:00\n"
                                           "- Active processes: 1\n- Current branch: main\n"));
  EXPECT_THAT(mirrored_, ElementsAre(1));
  EXPECT_EQ(mirror_->problem(), "");
}

TEST_F(MirrorTest, FilesAreNotForOthers) {
  StepWhenAllowed();
  EXPECT_EQ(fs::status(directory_ + "/tickets.md").permissions() & fs::perms::others_all,
            fs::perms::none);
}

TEST_F(MirrorTest, WritesOnlyWhatChanged) {
  StepWhenAllowed();
  const ino_t tickets = InodeOf("tickets.md");
  const ino_t status = InodeOf("status.md");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(mirror_->Step() - clock_.Mono(), absl::Seconds(14)) << "nothing to do yet";
  EXPECT_EQ(InodeOf("status.md"), status);

  // Only the revision: a comment, say.
  Show(ViewBuilder().Revision(2).Ticket(1, Ticket::STATE_OPEN, "one"));
  StepWhenAllowed();
  EXPECT_EQ(InodeOf("tickets.md"), tickets);
  EXPECT_NE(InodeOf("status.md"), status);

  Show(ViewBuilder().Revision(3).Ticket(1, Ticket::STATE_CLAIMED, "one"));
  StepWhenAllowed();
  EXPECT_NE(InodeOf("tickets.md"), tickets);
  EXPECT_THAT(mirrored_, ElementsAre(1, 2, 3));
}

TEST_F(MirrorTest, StatusIsWrittenEveryFifteenSecondsAnyway) {
  StepWhenAllowed();
  clock_.Advance(absl::Seconds(15));
  EXPECT_EQ(StepWhenAllowed(), absl::Seconds(15));
  EXPECT_THAT(Read("status.md"), HasSubstr("- Last update: 2025-07-29 12:00:15\n"));
}

TEST_F(MirrorTest, RoundsAreATenthOfASecondApart) {
  StepWhenAllowed();
  EXPECT_EQ(mirror_->earliest() - clock_.Mono(), absl::Milliseconds(100));
  Show(ViewBuilder().Revision(2));
  clock_.Advance(absl::Milliseconds(99));
  EXPECT_EQ(mirror_->Step(), mirror_->earliest());
  EXPECT_EQ(Read("tickets.md"), kLineOne) << "too early";
  clock_.Advance(absl::Milliseconds(1));
  mirror_->Step();
  EXPECT_EQ(Read("tickets.md"), "");
}

TEST_F(MirrorTest, LongRoundsLeaveTimeToOthers) {
  round_takes_ = absl::Milliseconds(200);
  StepWhenAllowed();
  EXPECT_EQ(mirror_->earliest() - clock_.Mono(), absl::Milliseconds(200)) << "to the disk";
  Show(ViewBuilder().Revision(2));
  round_computes_ = absl::Milliseconds(50);
  StepWhenAllowed();
  EXPECT_EQ(mirror_->earliest() - clock_.Mono(), absl::Milliseconds(200)) << "that was saved up";
  Show(ViewBuilder().Revision(3));
  StepWhenAllowed();
  EXPECT_EQ(mirror_->earliest() - clock_.Mono(), absl::Milliseconds(1600)) << "to the processor";
  Show(ViewBuilder().Revision(4));
  round_takes_ = absl::Minutes(130);
  StepWhenAllowed();
  EXPECT_EQ(mirror_->earliest() - clock_.Mono(), absl::Minutes(1)) << "but never for ever";
}

// With ten thousand tickets a round computes for some 10 ms at most: now and then a change, or a
// few in a row, are shown within a tenth of a second all the same; a stream of them is shown more
// rarely.
TEST_F(MirrorTest, AChangeNowAndThenIsShownAtOnceHoweverLargeTheFiles) {
  round_computes_ = absl::Milliseconds(10);
  int64_t revision = 1;
  for (int i = 0; i < 20; ++i) {
    for (int burst = 0; burst < 3; ++burst) {
      Show(ViewBuilder().Revision(++revision));
      StepWhenAllowed();
      EXPECT_EQ(mirrored_.back(), revision);
      EXPECT_EQ(mirror_->earliest() - clock_.Mono(), absl::Milliseconds(100)) << revision;
    }
    clock_.Advance(absl::Seconds(2));
  }
  const base::MonoTime begin = clock_.Mono();
  const int64_t before = revision;
  while (clock_.Mono() < begin + absl::Minutes(1)) {
    Show(ViewBuilder().Revision(++revision));
    StepWhenAllowed();
  }
  const double share = (revision - before) * 0.01 / 60;
  EXPECT_NEAR(share, 0.025, 0.005);
}

TEST_F(MirrorTest, AWallClockThatGoesBackDelaysNothing) {
  StepWhenAllowed();
  clock_.SetWall(TestTime() - absl::Hours(24));
  Show(ViewBuilder().Revision(2));
  StepWhenAllowed();
  EXPECT_THAT(mirrored_, ElementsAre(1, 2));
}

TEST_F(MirrorTest, AChangedFileIsRestored) {
  StepWhenAllowed();
  Write("tickets.md", "- [2025-07-29 12:00:00] ticket: T-1 OPEN p0 forged\n");
  clock_.Advance(absl::Seconds(15));
  StepWhenAllowed();
  EXPECT_EQ(Read("tickets.md"), kLineOne);
  fs::remove(directory_ + "/tickets.md");
  fs::remove(directory_ + "/status.md");
  clock_.Advance(absl::Seconds(15));
  StepWhenAllowed();
  EXPECT_EQ(Read("tickets.md"), kLineOne);
  EXPECT_THAT(Names(), ElementsAre("status.md", "tickets.md"));
}

TEST_F(MirrorTest, ANewProcessTakesOverTheFilesOfTheOld) {
  StepWhenAllowed();
  Write(".tickets.md.tmp-123-4", "half of a li");
  Write(".status.md.tmp-123-5", "");
  Write("notes.md", "somebody's");
  Restart();
  Show(ViewBuilder().Revision(5).Ticket(2, Ticket::STATE_OPEN, "two"));
  StepWhenAllowed();
  EXPECT_THAT(Names(), ElementsAre("notes.md", "status.md", "tickets.md"));
  EXPECT_THAT(Read("tickets.md"), HasSubstr("T-2"));
}

TEST_F(MirrorTest, LinksAreReplacedNotFollowed) {
  fs::create_directory(directory_);
  const std::string outside = temp_.path() + "/outside";
  std::ofstream(outside) << "precious\n";
  fs::create_symlink(outside, directory_ + "/tickets.md");
  fs::create_hard_link(outside, directory_ + "/status.md");
  StepWhenAllowed();
  std::ifstream file(outside);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(text, "precious\n");
  EXPECT_EQ(Read("tickets.md"), kLineOne);
  EXPECT_FALSE(fs::is_symlink(directory_ + "/tickets.md"));
}

TEST_F(MirrorTest, ALinkedDirectoryIsRefused) {
  fs::create_directory(temp_.path() + "/elsewhere");
  fs::create_symlink(temp_.path() + "/elsewhere", directory_);
  StepWhenAllowed();
  EXPECT_THAT(mirror_->problem(), HasSubstr("must be a directory, not a symbolic link or file"));
  EXPECT_TRUE(fs::is_empty(temp_.path() + "/elsewhere"));
  EXPECT_THAT(mirrored_, IsEmpty());
}

TEST_F(MirrorTest, TroubleIsLoggedOnceAndHeals) {
  std::ofstream(directory_) << "a file in the way\n";
  EXPECT_EQ(StepWhenAllowed(), absl::Seconds(1)) << "tried again soon";
  for (int i = 0; i < 5; ++i) StepWhenAllowed();
  EXPECT_THAT(log_->lines, ElementsAre(HasSubstr("shared_state cannot be kept up")));
  EXPECT_THAT(mirror_->problem(), Not(IsEmpty()));

  fs::remove(directory_);
  StepWhenAllowed();
  StepWhenAllowed();
  EXPECT_EQ(mirror_->problem(), "");
  EXPECT_THAT(log_->lines, SizeIs(2));
  EXPECT_THAT(log_->lines[1], HasSubstr("shared_state is written again"));
  EXPECT_EQ(Read("tickets.md"), kLineOne);

  fs::remove_all(directory_);
  clock_.Advance(absl::Seconds(15));
  StepWhenAllowed();
  EXPECT_EQ(Read("tickets.md"), kLineOne) << "a directory that is gone is made again";
  EXPECT_THAT(log_->lines, SizeIs(2));
}

TEST_F(MirrorTest, ADirectoryInPlaceOfAFileIsReportedAndHeals) {
  fs::create_directories(directory_ + "/tickets.md/inner");
  StepWhenAllowed();
  EXPECT_THAT(mirror_->problem(), HasSubstr("tickets.md"));
  EXPECT_THAT(Names(), ElementsAre("tickets.md")) << "no temporary file stays behind";
  fs::remove_all(directory_ + "/tickets.md");
  StepWhenAllowed();
  EXPECT_EQ(mirror_->problem(), "");
}

TEST_F(MirrorTest, TheLastRoundSaysThatNothingIsActive) {
  StepWhenAllowed();
  Show(ViewBuilder().Revision(2));
  mirror_->Finish();
  EXPECT_EQ(Read("tickets.md"), "");
  EXPECT_THAT(Read("status.md"), HasSubstr("- Active processes: 0\n"));
  EXPECT_THAT(mirrored_, ElementsAre(1, 2));
}

TEST_F(MirrorTest, ListsLiveAgentsAsResponsesShowThem) {
  Show(ViewBuilder()
           .Agent("conversation-1", "conversation-1")
           .Agent("gone", "", v1::Agent::STATE_LEFT));
  StepWhenAllowed();
  EXPECT_THAT(Read("status.md"), HasSubstr("- conversation-1: SUSPECT, branch conversation-1\n"));
  EXPECT_THAT(Read("status.md"), Not(HasSubstr("gone")));
}

TEST_F(MirrorTest, ConvergenceIsThereWhileARoundIsActive) {
  StepWhenAllowed();
  EXPECT_THAT(Names(), ElementsAre("status.md", "tickets.md"));
  rounds_.resize(1);
  rounds_[0].set_round_id("C-1");
  rounds_[0].set_state(v1::Round::STATE_OPEN);
  rounds_[0].set_target("main");
  Show(ViewBuilder().Revision(2));
  StepWhenAllowed();
  EXPECT_THAT(Read("convergence.md"), HasSubstr("- State: OPEN\n- Target: main\n"));
  const ino_t inode = InodeOf("convergence.md");
  Show(ViewBuilder().Revision(3));
  StepWhenAllowed();
  EXPECT_EQ(InodeOf("convergence.md"), inode) << "nothing changed";
  Write("convergence.md", "scribble");
  Show(ViewBuilder().Revision(4));
  StepWhenAllowed();
  EXPECT_THAT(Read("convergence.md"), HasSubstr("- State: OPEN\n"));
  EXPECT_THAT(Rejected(), ElementsAre("scribble"));
  const std::string ours = Read("convergence.md");
  rounds_[0].set_state(v1::Round::STATE_CONVERGED);
  Show(ViewBuilder().Revision(5));
  StepWhenAllowed();
  EXPECT_THAT(Names(), ElementsAre("status.md", "tickets.md"));
  Write("convergence.md", ours);
  Restart();
  StepWhenAllowed();
  EXPECT_THAT(Names(), ElementsAre("status.md", "tickets.md")) << "as a killed hub left it";
  EXPECT_THAT(Rejected(), SizeIs(1)) << "which is nothing to keep";
}

TEST_F(MirrorTest, AConvergenceFileThatPeopleKeptGoesWithoutBeingLost) {
  fs::create_directory(directory_);
  Write("convergence.md", "# Convergence\nwe meet at noon\n");
  StepWhenAllowed();
  EXPECT_THAT(Names(), ElementsAre("status.md", "tickets.md"));
  EXPECT_THAT(Rejected(), ElementsAre("# Convergence\nwe meet at noon\n"));
  EXPECT_THAT(Read("status.md"),
              HasSubstr("A convergence.md that is not the hub's is kept as .rejected/"));
  EXPECT_THAT(log_->lines, ElementsAre(HasSubstr("that is not the hub's was moved away")));
  EXPECT_EQ(mirror_->problem(), "");
}

TEST_F(MirrorTest, WhereItCannotBeKeptItStaysAndTheRestIsWritten) {
  fs::create_directories(directory_ + "/.rejected");
  for (int i = 0; i < kRejectedFiles; ++i) Write(".rejected/" + std::to_string(i), "x");
  Write("convergence.md", "ours\n");
  StepWhenAllowed();
  EXPECT_THAT(mirror_->problem(), HasSubstr("is full"));
  EXPECT_EQ(Read("convergence.md"), "ours\n");
  EXPECT_EQ(Read("tickets.md"), kLineOne);
  EXPECT_THAT(Read("status.md"), HasSubstr("# Current State"));
  fs::remove(directory_ + "/.rejected/0");
  StepWhenAllowed();
  EXPECT_EQ(mirror_->problem(), "");
  EXPECT_THAT(Names(), ElementsAre("status.md", "tickets.md"));
}

}  // namespace
}  // namespace coordhub::mirror
