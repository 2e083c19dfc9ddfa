#include "hub/core/ready_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "hub/core/proto_time.h"

namespace coordhub::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

const base::Now kNow{{1'000'000'000}, absl::FromUnixSeconds(1'753'790'400)};

// Both clocks, `d` after kNow.
base::Now After(absl::Duration d) { return {kNow.mono + d, kNow.wall + d}; }

struct TicketShape {
  int priority = 2;
  std::vector<std::string> labels;
  std::string assignee;
  // From kNow; negative: none.
  absl::Duration not_before = -absl::Seconds(1);
  absl::Duration backoff = absl::ZeroDuration();
  v1::Ticket::State state = v1::Ticket::STATE_OPEN;
};

// Tickets are as old as their numbers say.
ReadyQueue::TicketPtr MakeTicket(int64_t number, const TicketShape& shape = {}) {
  auto ticket = std::make_shared<v1::Ticket>();
  ticket->set_priority(shape.priority);
  ticket->set_create_revision(number * 10);
  for (const std::string& label : shape.labels) ticket->add_labels(label);
  ticket->set_assignee_agent_id(shape.assignee);
  ticket->set_state(shape.state);
  if (shape.not_before >= absl::ZeroDuration()) {
    *ticket->mutable_not_before() = ToProto(kNow.wall + shape.not_before);
  }
  if (shape.backoff > absl::ZeroDuration()) *ticket->mutable_backoff() = ToProto(shape.backoff);
  return ticket;
}

class ReadyQueueTest : public testing::Test {
 protected:
  // The ticket becomes this, whether it was there or not.
  void Put(int64_t number, const TicketShape& shape = {}, const base::Now& now = kNow) {
    ReadyQueue::TicketPtr& known = tickets_[number];
    const ReadyQueue::TicketPtr ticket = MakeTicket(number, shape);
    queue_.Put(number, known.get(), ticket, now);
    known = ticket;
  }
  void Remove(int64_t number) {
    queue_.Remove(number);
    tickets_.erase(number);
  }
  ~ReadyQueueTest() override { EXPECT_EQ(queue_.Check(), ""); }

  ReadyQueue queue_;
  std::map<int64_t, ReadyQueue::TicketPtr> tickets_;
};

TEST_F(ReadyQueueTest, GivesNothingWhenEmpty) {
  EXPECT_EQ(queue_.First({}), std::nullopt);
  EXPECT_EQ(queue_.NextTime(), std::nullopt);
  EXPECT_EQ(queue_.NextRested(), std::nullopt);
  EXPECT_EQ(queue_.ReleaseDue(kNow), 0);
  Remove(1);
  Put(1, {.state = v1::Ticket::STATE_CLAIMED});
  EXPECT_FALSE(queue_.Contains(1));
}

TEST_F(ReadyQueueTest, OrdersByPriorityThenAge) {
  Put(4, {.priority = 1});
  Put(3, {.priority = 2});
  Put(2, {.priority = 0});
  Put(1, {.priority = 1});
  EXPECT_THAT(queue_.TakeNewlyReady(), ElementsAre(2, 1, 4, 3));
  for (const int64_t expected : {2, 1, 4, 3}) {
    EXPECT_THAT(queue_.First({.agent_id = "alice"}), Optional(expected));
    Remove(expected);
  }
  EXPECT_EQ(queue_.ready_count(), 0);
}

TEST_F(ReadyQueueTest, KeepsAgeByCreationNotByArrival) {
  Put(2);
  Put(1);
  Remove(1);
  Put(1);
  EXPECT_THAT(queue_.First({}), Optional(1));
}

TEST_F(ReadyQueueTest, GivesAssignedTicketsToTheirAgentOnly) {
  Put(1, {.assignee = "alice"});
  Put(2);
  Put(3, {.priority = 0, .assignee = "bob"});
  EXPECT_THAT(queue_.First({.agent_id = "alice"}), Optional(1));
  EXPECT_THAT(queue_.First({.agent_id = "bob"}), Optional(3));
  EXPECT_THAT(queue_.First({.agent_id = "carol"}), Optional(2));
  Remove(2);
  EXPECT_EQ(queue_.First({.agent_id = "carol"}), std::nullopt);
  EXPECT_EQ(queue_.First({.agent_id = ""}), std::nullopt);
}

TEST_F(ReadyQueueTest, WantsAllLabels) {
  Put(1, {.labels = {"cc"}});
  Put(2, {.labels = {"cc", "docs"}});
  Put(3, {.labels = {"cc", "docs"}, .assignee = "alice"});
  EXPECT_THAT(queue_.First({.agent_id = "bob", .labels = {"cc"}}), Optional(1));
  EXPECT_THAT(queue_.First({.agent_id = "bob", .labels = {"cc", "docs"}}), Optional(2));
  Remove(2);
  EXPECT_EQ(queue_.First({.agent_id = "bob", .labels = {"docs"}}), std::nullopt);
  EXPECT_THAT(queue_.First({.agent_id = "alice", .labels = {"docs"}}), Optional(3));
  EXPECT_EQ(queue_.First({.agent_id = "alice", .labels = {"cc", "rust"}}), std::nullopt);
}

TEST_F(ReadyQueueTest, StopsAtMaxPriority) {
  Put(1, {.priority = 3});
  EXPECT_EQ(queue_.First({.max_priority = 2}), std::nullopt);
  EXPECT_THAT(queue_.First({.max_priority = 3}), Optional(1));
  Put(2, {.priority = 0, .labels = {"cc"}});
  EXPECT_THAT(queue_.First({.labels = {"cc"}, .max_priority = 0}), Optional(2));
}

TEST_F(ReadyQueueTest, HoldsTicketsBackUntilTheirTimeHasCome) {
  Put(1, {.not_before = absl::Seconds(2)});
  Put(2, {.not_before = absl::Seconds(1)});
  EXPECT_TRUE(queue_.Contains(1));
  EXPECT_FALSE(queue_.IsReady(1));
  EXPECT_EQ(queue_.First({}), std::nullopt);
  EXPECT_EQ(queue_.delayed_count(), 2);
  EXPECT_EQ(queue_.NextTime(), kNow.wall + absl::Seconds(1));
  EXPECT_EQ(queue_.NextRested(), std::nullopt);
  EXPECT_EQ(queue_.ReleaseDue(After(absl::Seconds(1) - absl::Nanoseconds(1))), 0);
  EXPECT_EQ(queue_.ReleaseDue(After(absl::Seconds(1))), 1);
  EXPECT_THAT(queue_.First({}), Optional(2));
  EXPECT_EQ(queue_.ReleaseDue(After(absl::Hours(1))), 1);
  EXPECT_THAT(queue_.TakeNewlyReady(), ElementsAre(1, 2));
}

TEST_F(ReadyQueueTest, NotBeforeComesByTheWallClockAlone) {
  Put(1, {.not_before = absl::Hours(1)});
  EXPECT_EQ(queue_.ReleaseDue({kNow.mono + absl::Hours(9), kNow.wall}), 0) << "it was set back";
  EXPECT_EQ(queue_.ReleaseDue({kNow.mono + absl::Seconds(1), kNow.wall + absl::Hours(1)}), 1)
      << "the machine slept, or it was set ahead";
  EXPECT_EQ(queue_.ReleaseDue(kNow), 0);
  EXPECT_TRUE(queue_.IsReady(1)) << "what has come stays come";
}

TEST_F(ReadyQueueTest, ABackOffEndsByMonotonicTimeAlone) {
  Put(1, {.backoff = absl::Seconds(10)});
  EXPECT_EQ(queue_.NextRested(), kNow.mono + absl::Seconds(10));
  EXPECT_EQ(queue_.NextTime(), std::nullopt);
  EXPECT_EQ(queue_.ReleaseDue({kNow.mono + absl::Seconds(9), kNow.wall + absl::Hours(24)}), 0);
  EXPECT_EQ(queue_.ReleaseDue({kNow.mono + absl::Seconds(10), kNow.wall - absl::Hours(24)}), 1);
}

TEST_F(ReadyQueueTest, BothHaveToBeOver) {
  Put(1, {.not_before = absl::Seconds(5), .backoff = absl::Seconds(10)});
  Put(2, {.not_before = absl::Seconds(10), .backoff = absl::Seconds(5)});
  EXPECT_EQ(queue_.NextTime(), kNow.wall + absl::Seconds(5));
  EXPECT_EQ(queue_.ReleaseDue(After(absl::Seconds(5))), 0);
  EXPECT_EQ(queue_.NextRested(), kNow.mono + absl::Seconds(10));
  EXPECT_EQ(queue_.delayed_count(), 2);
  EXPECT_EQ(queue_.ReleaseDue({kNow.mono + absl::Seconds(10), kNow.wall}), 1)
      << "the first one's time had come before the clock was set back";
  EXPECT_EQ(queue_.ReleaseDue(After(absl::Seconds(10))), 1);
}

TEST_F(ReadyQueueTest, ABackOffCountsFromTheEventThatSetIt) {
  const TicketShape resting{.backoff = absl::Seconds(10)};
  Put(1, resting);
  TicketShape other = resting;
  other.priority = 0;
  Put(1, other, After(absl::Seconds(5)));
  other.state = v1::Ticket::STATE_BLOCKED;
  Put(1, other, After(absl::Seconds(6)));
  EXPECT_EQ(queue_.NextRested(), std::nullopt);
  EXPECT_EQ(queue_.Rested(1), kNow.mono + absl::Seconds(10));
  other.state = v1::Ticket::STATE_OPEN;
  Put(1, other, After(absl::Seconds(7)));
  EXPECT_EQ(queue_.NextRested(), kNow.mono + absl::Seconds(10));
  Put(1, {.state = v1::Ticket::STATE_CLAIMED}, After(absl::Seconds(10)));
  EXPECT_EQ(queue_.Rested(1), std::nullopt);
  Put(1, resting, After(absl::Seconds(11)));
  EXPECT_EQ(queue_.NextRested(), kNow.mono + absl::Seconds(21));
}

TEST_F(ReadyQueueTest, LooksAnewWhenADelayChanges) {
  Put(1, {.not_before = absl::Hours(1)});
  Put(1, {.not_before = absl::Hours(2)});
  EXPECT_EQ(queue_.ReleaseDue(After(absl::Hours(1))), 0);
  Put(1);
  EXPECT_TRUE(queue_.IsReady(1));
  Put(1, {.not_before = absl::Hours(2)});
  EXPECT_FALSE(queue_.IsReady(1));
  EXPECT_THAT(queue_.TakeNewlyReady(), IsEmpty());
}

TEST_F(ReadyQueueTest, ForgetsRemovedTicketsEverywhere) {
  Put(1, {.labels = {"cc"}});
  Put(2, {.not_before = absl::Seconds(1)});
  Put(3, {.backoff = absl::Seconds(1)});
  for (const int64_t number : {1, 2, 3}) Remove(number);
  EXPECT_THAT(queue_.TakeNewlyReady(), IsEmpty());
  EXPECT_EQ(queue_.ReleaseDue(After(absl::Hours(1))), 0);
  EXPECT_EQ(queue_.Rested(3), std::nullopt);
}

TEST_F(ReadyQueueTest, FollowsChangesOfARecord) {
  Put(1, {.labels = {"cc"}});
  Put(2, {.not_before = absl::Seconds(1)});
  queue_.TakeNewlyReady();
  Put(1, {.priority = 4, .labels = {"docs"}, .assignee = "alice"});
  Put(2, {.priority = 0, .not_before = absl::Seconds(1)});
  // What a waiter did not want before, it may want now.
  EXPECT_THAT(queue_.TakeNewlyReady(), ElementsAre(1));
  EXPECT_EQ(queue_.First({.labels = {"cc"}}), std::nullopt);
  EXPECT_THAT(queue_.First({.agent_id = "alice", .labels = {"docs"}}), Optional(1));
  EXPECT_EQ(queue_.ReleaseDue(After(absl::Seconds(1))), 1);
  EXPECT_THAT(queue_.First({.agent_id = "alice"}), Optional(2));
}

TEST_F(ReadyQueueTest, ReanchorsBackOffsAndLooksAtTheTimesAnew) {
  Put(1, {.backoff = absl::Seconds(1)});
  Put(2, {.not_before = absl::Seconds(2)});
  Put(3, {.not_before = absl::Hours(2), .backoff = absl::Seconds(2)});
  const base::Now later{{7}, kNow.wall + absl::Hours(1)};  // another process
  queue_.Reanchor(later);
  EXPECT_EQ(queue_.NextRested(), later.mono + absl::Seconds(1));
  EXPECT_TRUE(queue_.IsReady(2));
  EXPECT_EQ(queue_.Rested(3), later.mono + absl::Seconds(2));
}

TEST_F(ReadyQueueTest, PutsBackWhatWas) {
  Put(1);
  Put(2, {.not_before = absl::Seconds(5)});
  Put(3, {.backoff = absl::Seconds(5)});
  Put(4, {.backoff = absl::Seconds(5), .state = v1::Ticket::STATE_BLOCKED});
  // Its time came before the wall clock was set back.
  Put(5, {.not_before = absl::Seconds(1), .backoff = absl::Seconds(5)});
  ASSERT_EQ(queue_.ReleaseDue({kNow.mono, kNow.wall + absl::Seconds(1)}), 0);
  std::map<int64_t, ReadyQueue::Place> places;
  for (int64_t number = 1; number <= 6; ++number) places[number] = queue_.PlaceOf(number);
  const auto tickets = tickets_;
  for (int64_t number = 1; number <= 5; ++number) {
    Put(number, {.state = v1::Ticket::STATE_CLAIMED}, After(absl::Seconds(1)));
  }
  Put(6);
  for (const auto& [number, place] : places) {
    const auto ticket = tickets.find(number);
    queue_.PutBack(number, ticket == tickets.end() ? nullptr : ticket->second, place, kNow);
    EXPECT_EQ(queue_.PlaceOf(number), place) << number;
  }
  EXPECT_EQ(queue_.Rested(4), kNow.mono + absl::Seconds(5));
}

TEST(ReadyQueueRandomly, AgreesWithAScan) {
  std::mt19937_64 random(20250729);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
  const std::vector<std::string> agents = {"", "alice", "bob"};
  const std::vector<std::string> all_labels = {"cc", "docs", "rust", "slow"};
  const auto some_labels = [&](int odds) {
    std::vector<std::string> labels;
    for (const std::string& label : all_labels) {
      if (pick(odds) == 0) labels.push_back(label);
    }
    return labels;
  };
  ReadyQueue queue;
  // What is in the queue, and since when it is what it is.
  struct Known {
    ReadyQueue::TicketPtr ticket;
    bool ready = false;
  };
  std::map<int64_t, Known> model;
  base::Now now = kNow;
  const auto settle = [&now](Known& known) {
    const v1::Ticket& ticket = *known.ticket;
    if (!ticket.has_not_before() || FromProto(ticket.not_before()) <= now.wall) known.ready = true;
  };
  for (int step = 0; step < 5000; ++step) {
    const int64_t number = 1 + pick(60);
    const auto known = model.find(number);
    TicketShape shape{.priority = pick(5), .labels = some_labels(2), .assignee = agents[pick(3)]};
    switch (pick(5)) {
      case 0:
      case 1:
      case 2: {
        if (pick(2) == 0) shape.not_before = now.wall - kNow.wall + absl::Seconds(pick(10));
        const auto ticket = MakeTicket(number, shape);
        const v1::Ticket* before = known == model.end() ? nullptr : known->second.ticket.get();
        const bool same = before != nullptr &&
                          before->has_not_before() == ticket->has_not_before() &&
                          FromProto(before->not_before()) == FromProto(ticket->not_before());
        queue.Put(number, before, ticket, now);
        model[number] = {ticket, same && known->second.ready};
        settle(model[number]);
        break;
      }
      case 3:
        queue.Remove(number);
        model.erase(number);
        break;
      case 4:
        now.wall += absl::Seconds(pick(4) - 1);
        queue.ReleaseDue(now);
        for (auto& [ignored, each] : model) settle(each);
        break;
    }
    ClaimSelector selector{.agent_id = agents[pick(3)], .labels = some_labels(3)};
    if (pick(3) == 0) selector.max_priority = pick(5);
    std::optional<int64_t> expected;
    for (const auto& [candidate, entry] : model) {
      if (!entry.ready || !ReadyQueue::Admits(selector, *entry.ticket)) continue;
      if (!expected.has_value() || entry.ticket->priority() < model[*expected].ticket->priority())
        expected = candidate;
    }
    ASSERT_EQ(queue.First(selector), expected) << "step " << step;
    ASSERT_EQ(queue.Check(), "") << "step " << step;
    ASSERT_EQ(queue.ready_count() + queue.delayed_count(), static_cast<int64_t>(model.size()));
  }
}

}  // namespace
}  // namespace coordhub::core
