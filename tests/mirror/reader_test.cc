// A reader in a loop sees the old files or the new ones, never a part, and never none.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "hub/mirror/tickets_file.h"
#include "tests/mirror/shared_state_fixture.h"
#include "tests/mirror/view_builder.h"

namespace coordhub::mirror {
namespace {

constexpr int kTickets = 50;

constexpr size_t kVersions = 10;

// COORDHUB_READS makes it more.
int Reads() {
  const char* reads = std::getenv("COORDHUB_READS");  // NOLINT(concurrency-mt-unsafe)
  return reads == nullptr ? 5000 : std::atoi(reads);
}

class ReaderTest : public SharedStateTest {
 protected:
  // All titles are the same, so that a mixture of two versions shows.
  std::shared_ptr<const core::View> Version(int64_t revision) const {
    ViewBuilder builder;
    builder.Revision(revision);
    for (int number = 1; number <= kTickets; ++number) {
      builder.Ticket(number, v1::Ticket::STATE_OPEN, absl::StrCat("version ", revision));
    }
    return builder.Build();
  }

  bool IsWholeTickets(const std::string& text) const {
    const std::vector<std::string> lines = absl::StrSplit(text, '\n');
    if (lines.size() != kTickets + 1 || !lines.back().empty()) return false;
    const std::string title = lines[0].substr(lines[0].find("version"));
    for (int i = 0; i < kTickets; ++i) {
      if (!IsTicketLine(lines[i]) || !absl::EndsWith(lines[i], title)) return false;
    }
    return true;
  }
  bool IsWholeStatus(const std::string& text) const {
    return absl::StartsWith(text, "# Current State Across Conversations\n\n## System State\n") &&
           absl::EndsWith(text, "## Round\n- none\n");
  }
};

TEST_F(ReaderTest, NeverSeesATornOrEmptyFile) {
  std::shared_ptr<const core::View> view = Version(1);
  options_.view = [&] { return view; };
  // It never rests: change is continuous.
  options_.processor_time = [] { return absl::ZeroDuration(); };
  Start();
  std::atomic<bool> done{false};
  std::atomic<bool> torn{false};
  std::set<std::string> versions;
  // As many reads as are asked for, and on until they met several versions, however slow the disk
  // is.
  std::thread reader([&] {
    for (int i = 0; !torn && !done && (i < Reads() || versions.size() < kVersions); ++i) {
      const std::string tickets = Read("tickets.md");
      const std::string status = Read("status.md");
      if (!IsWholeTickets(tickets) || !IsWholeStatus(status)) {
        torn = true;
        ADD_FAILURE() << "read:\n" << tickets << "\nand:\n" << status;
      }
      versions.insert(tickets.substr(0, tickets.find('\n')));
    }
    done = true;
  });
  int64_t revision = 1;
  while (!done) {
    view = Version(++revision);
    clock_.Advance(absl::Milliseconds(100));
    mirror_->Step();
    if (!mirror_->problem().empty()) break;
  }
  EXPECT_EQ(mirror_->problem(), "");
  done = true;
  reader.join();
  EXPECT_GE(versions.size(), kVersions) << "what was read changed all the time";
  RecordProperty("versions", static_cast<int>(versions.size()));
}

}  // namespace
}  // namespace coordhub::mirror
