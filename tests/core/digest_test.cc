// What the digest of a workspace costs.
#include "hub/core/digest.h"

#include <ctime>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/core/recorded_state.h"

namespace coordhub::core {
namespace {

// Processor time of this thread, in seconds.
double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double DigestSeconds(RecordedState& recorded) {
  const std::shared_ptr<const View> view = recorded.state.MakeView();
  const double start = ThreadSeconds();
  EXPECT_FALSE(Digest(*view).empty());
  return ThreadSeconds() - start;
}

void AddSmall(RecordedState& recorded) {
  for (int i = 0; i < 3'000; ++i) {
    recorded.CreateTicket([](pb::Ticket& ticket) { ticket.set_title("small"); });
  }
}
void AddLarge(RecordedState& recorded) {
  recorded.CreateTicket(
      [](pb::Ticket& ticket) { ticket.set_title(std::string(size_t{16} << 20, 'x')); });
}

// Once one record had been large, each that followed took as long as that one: a buffer of its
// size was filled with zeros for it.
TEST(DigestTest, ALargeRecordDoesNotMakeTheOthersSlow) {
  RecordedState small;
  AddSmall(small);
  RecordedState large;
  AddLarge(large);
  RecordedState both;
  AddLarge(both);
  AddSmall(both);
  const double apart = DigestSeconds(small) + DigestSeconds(large);
  EXPECT_LT(DigestSeconds(both), 4 * apart) << "apart: " << apart << " s";
}

}  // namespace
}  // namespace coordhub::core
