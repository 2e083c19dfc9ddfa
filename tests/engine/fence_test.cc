// Fences: each grant's is higher than any before, whatever happened in between.

#include <map>
#include <string>

#include "tests/engine/workspace_fixture.h"

namespace coordhub::engine {
namespace {

class FenceTest : public WorkspaceTest {
 protected:
  static constexpr int kTickets = 8;

  // Restarts begin with a snapshot, behind which the events are dropped.
  FenceTest() {
    options_.snapshot_every = 40;
    options_.retained_events = 40;
  }

  template <class Request>
  void Must(core::Caller caller, const Request& request) {
    const auto done = Do(CommandOf(std::move(caller), request));
    ASSERT_TRUE(done.ok()) << done.status();
  }

  // Takes the ticket; the fence must be a new one.
  void Claim(int number) {
    v1::ClaimTicketRequest request;
    request.set_ticket_id(IdOf(number));
    const auto claimed = Do(CommandOf(Session("uid-a"), request));
    ASSERT_TRUE(claimed.ok()) << claimed.status();
    const int64_t fence = claimed->events.front()->changes(0).ticket().claim().fence();
    ASSERT_GT(fence, highest_) << IdOf(number);
    highest_ = fences_[number] = fence;
  }
  // Ends the claim in one of the ways that leave the ticket to be taken again.
  void End(int number, int way) {
    if (way == 0) {
      v1::ReleaseTicketRequest release;
      release.set_ticket_id(IdOf(number));
      release.set_fence(fences_[number]);
      Must(Session("uid-a"), release);
    } else if (way == 1) {
      v1::ReleaseTicketRequest force;
      force.set_ticket_id(IdOf(number));
      force.set_force(true);
      Must(Operator(), force);
    } else {
      Must(Session("uid-a"), Complete(IdOf(number), fences_[number]));
      v1::ReopenTicketRequest reopen;
      reopen.set_ticket_id(IdOf(number));
      Must(Operator(), reopen);
    }
  }
  // Whoever still has the fence of a claim that ended is refused.
  void ExpectSuperseded(int number, int64_t fence) {
    const auto late = Do(CommandOf(Session("uid-a"), Complete(IdOf(number), fence)));
    EXPECT_EQ(base::ReasonOf(late.status()), v1::ERROR_REASON_CLAIM_SUPERSEDED) << late.status();
  }
  static std::string IdOf(int number) { return "T-" + std::to_string(number); }

  int64_t highest_ = 0;
  std::map<int, int64_t> fences_;  // of each ticket's last claim
};

TEST_F(FenceTest, IsNeverReusedOrLoweredAcrossRestarts) {
  OpenSqlite();
  ASSERT_TRUE(Do(RegisterCommand("a", "uid-a", absl::Hours(1))).ok());
  for (int i = 0; i < kTickets; ++i) ASSERT_TRUE(Do(CommandOf(Operator(), Create("t"))).ok());
  for (int round = 0; round < 30 && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const int number = 1 + round % kTickets;
    Claim(number);
    const int64_t ended = fences_[number];
    // By turns the claim ends before the restart, after it, and is another one's by then.
    if (round % 3 == 0) End(number, round % 2);
    if (round % 3 == 2) {
      End(number, 2);
      Claim(number);
    }
    OpenSqlite();
    ASSERT_TRUE(workspace_->TouchSession("uid-a").ok());
    if (round % 3 == 2) ExpectSuperseded(number, ended);
    if (round % 3 != 0) End(number, round % 2);
    Claim(number);
    ExpectSuperseded(number, ended);
    End(number, 2);
  }
  EXPECT_GT(workspace_->Describe().compact_revision(), 0) << "restarts began with a snapshot";
}

}  // namespace
}  // namespace coordhub::engine
