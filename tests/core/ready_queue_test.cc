#include "hub/core/ready_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"

namespace coordhub::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

constexpr base::MonoTime kNow{1'000'000'000};

struct TicketShape {
  int priority = 2;
  std::vector<std::string> labels;
  std::string assignee;
};

// Tickets are as old as their numbers say.
ReadyQueue::TicketPtr MakeTicket(int64_t number, const TicketShape& shape = {}) {
  auto ticket = std::make_shared<v1::Ticket>();
  ticket->set_priority(shape.priority);
  ticket->set_create_revision(number * 10);
  for (const std::string& label : shape.labels) ticket->add_labels(label);
  ticket->set_assignee_agent_id(shape.assignee);
  return ticket;
}

class ReadyQueueTest : public testing::Test {
 protected:
  void Add(int64_t number, const TicketShape& shape = {},
           absl::Duration delay = absl::ZeroDuration()) {
    queue_.Add(number, MakeTicket(number, shape), kNow + delay, kNow);
  }
  ~ReadyQueueTest() override { EXPECT_EQ(queue_.Check(), ""); }

  ReadyQueue queue_;
};

TEST_F(ReadyQueueTest, GivesNothingWhenEmpty) {
  EXPECT_EQ(queue_.First({}), std::nullopt);
  EXPECT_EQ(queue_.NextDue(), std::nullopt);
  EXPECT_EQ(queue_.ReleaseDue(kNow), 0);
  EXPECT_FALSE(queue_.Contains(1));
  queue_.Remove(1);
  queue_.Update(1, MakeTicket(1));
  EXPECT_FALSE(queue_.Contains(1));
}

TEST_F(ReadyQueueTest, OrdersByPriorityThenAge) {
  Add(4, {.priority = 1});
  Add(3, {.priority = 2});
  Add(2, {.priority = 0});
  Add(1, {.priority = 1});
  EXPECT_THAT(queue_.TakeNewlyReady(), ElementsAre(2, 1, 4, 3));
  for (const int64_t expected : {2, 1, 4, 3}) {
    EXPECT_THAT(queue_.First({.agent_id = "alice"}), Optional(expected));
    queue_.Remove(expected);
  }
  EXPECT_EQ(queue_.ready_count(), 0);
}

TEST_F(ReadyQueueTest, KeepsAgeByCreationNotByArrival) {
  Add(2);
  Add(1);
  queue_.Remove(1);
  Add(1);
  EXPECT_THAT(queue_.First({}), Optional(1));
}

TEST_F(ReadyQueueTest, GivesAssignedTicketsToTheirAgentOnly) {
  Add(1, {.assignee = "alice"});
  Add(2);
  Add(3, {.priority = 0, .assignee = "bob"});
  EXPECT_THAT(queue_.First({.agent_id = "alice"}), Optional(1));
  EXPECT_THAT(queue_.First({.agent_id = "bob"}), Optional(3));
  EXPECT_THAT(queue_.First({.agent_id = "carol"}), Optional(2));
  queue_.Remove(2);
  EXPECT_EQ(queue_.First({.agent_id = "carol"}), std::nullopt);
  EXPECT_EQ(queue_.First({.agent_id = ""}), std::nullopt);
}

TEST_F(ReadyQueueTest, WantsAllLabels) {
  Add(1, {.labels = {"cc"}});
  Add(2, {.labels = {"cc", "docs"}});
  Add(3, {.labels = {"cc", "docs"}, .assignee = "alice"});
  EXPECT_THAT(queue_.First({.agent_id = "bob", .labels = {"cc"}}), Optional(1));
  EXPECT_THAT(queue_.First({.agent_id = "bob", .labels = {"cc", "docs"}}), Optional(2));
  queue_.Remove(2);
  EXPECT_EQ(queue_.First({.agent_id = "bob", .labels = {"docs"}}), std::nullopt);
  EXPECT_THAT(queue_.First({.agent_id = "alice", .labels = {"docs"}}), Optional(3));
  EXPECT_EQ(queue_.First({.agent_id = "alice", .labels = {"cc", "rust"}}), std::nullopt);
}

TEST_F(ReadyQueueTest, StopsAtMaxPriority) {
  Add(1, {.priority = 3});
  EXPECT_EQ(queue_.First({.max_priority = 2}), std::nullopt);
  EXPECT_THAT(queue_.First({.max_priority = 3}), Optional(1));
  Add(2, {.priority = 0, .labels = {"cc"}});
  EXPECT_THAT(queue_.First({.labels = {"cc"}, .max_priority = 0}), Optional(2));
}

TEST_F(ReadyQueueTest, HoldsDelayedTicketsBackUntilTheyAreDue) {
  Add(1, {}, absl::Seconds(2));
  Add(2, {}, absl::Seconds(1));
  EXPECT_TRUE(queue_.Contains(1));
  EXPECT_FALSE(queue_.IsReady(1));
  EXPECT_EQ(queue_.First({}), std::nullopt);
  EXPECT_EQ(queue_.delayed_count(), 2);
  EXPECT_THAT(queue_.NextDue(), Optional(kNow + absl::Seconds(1)));
  EXPECT_EQ(queue_.ReleaseDue(kNow + absl::Seconds(1) - absl::Nanoseconds(1)), 0);
  EXPECT_EQ(queue_.ReleaseDue(kNow + absl::Seconds(1)), 1);
  EXPECT_THAT(queue_.First({}), Optional(2));
  EXPECT_EQ(queue_.ReleaseDue(kNow + absl::Hours(1)), 1);
  EXPECT_THAT(queue_.TakeNewlyReady(), ElementsAre(1, 2));
  EXPECT_EQ(queue_.DueTime(1), std::nullopt);
}

TEST_F(ReadyQueueTest, ForgetsRemovedTicketsEverywhere) {
  Add(1, {.labels = {"cc"}});
  Add(2, {}, absl::Seconds(1));
  queue_.Remove(1);
  queue_.Remove(2);
  EXPECT_THAT(queue_.TakeNewlyReady(), IsEmpty());
  EXPECT_EQ(queue_.ReleaseDue(kNow + absl::Hours(1)), 0);
}

TEST_F(ReadyQueueTest, FollowsChangesOfARecord) {
  Add(1, {.labels = {"cc"}});
  Add(2, {}, absl::Seconds(1));
  queue_.TakeNewlyReady();
  queue_.Update(1, MakeTicket(1, {.priority = 4, .labels = {"docs"}, .assignee = "alice"}));
  queue_.Update(2, MakeTicket(2, {.priority = 0}));
  // What a waiter did not want before, it may want now.
  EXPECT_THAT(queue_.TakeNewlyReady(), ElementsAre(1));
  EXPECT_EQ(queue_.First({.labels = {"cc"}}), std::nullopt);
  EXPECT_THAT(queue_.First({.agent_id = "alice", .labels = {"docs"}}), Optional(1));
  EXPECT_EQ(queue_.ReleaseDue(kNow + absl::Seconds(1)), 1);
  EXPECT_THAT(queue_.First({.agent_id = "alice"}), Optional(2));
}

TEST_F(ReadyQueueTest, ReanchorsDelays) {
  Add(1, {}, absl::Seconds(1));
  Add(2, {}, absl::Seconds(2));
  queue_.Reanchor(
      [](const v1::Ticket& ticket) {
        return kNow + absl::Seconds(ticket.create_revision() == 10 ? 3 : 0);
      },
      kNow);
  EXPECT_THAT(queue_.DueTime(1), Optional(kNow + absl::Seconds(3)));
  EXPECT_TRUE(queue_.IsReady(2));
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
  // What is in the queue, and when it is due.
  std::map<int64_t, std::pair<ReadyQueue::TicketPtr, base::MonoTime>> model;
  base::MonoTime now = kNow;
  for (int step = 0; step < 5000; ++step) {
    const int64_t number = 1 + pick(60);
    const auto ticket = MakeTicket(
        number, {.priority = pick(5), .labels = some_labels(2), .assignee = agents[pick(3)]});
    switch (pick(5)) {
      case 0:
      case 1: {
        const base::MonoTime due = now + absl::Seconds(std::max(0, pick(20) - 10));
        queue.Add(number, ticket, due, now);
        model[number] = {ticket, due};
        break;
      }
      case 2:
        queue.Update(number, ticket);
        if (model.contains(number)) model[number].first = ticket;
        break;
      case 3:
        queue.Remove(number);
        model.erase(number);
        break;
      case 4:
        now += absl::Seconds(1);
        queue.ReleaseDue(now);
        break;
    }
    ClaimSelector selector{.agent_id = agents[pick(3)], .labels = some_labels(3)};
    if (pick(3) == 0) selector.max_priority = pick(5);
    std::optional<int64_t> expected;
    for (const auto& [candidate, entry] : model) {
      if (entry.second > now || !ReadyQueue::Admits(selector, *entry.first)) continue;
      if (!expected.has_value() || entry.first->priority() < model[*expected].first->priority())
        expected = candidate;
    }
    ASSERT_EQ(queue.First(selector), expected) << "step " << step;
    ASSERT_EQ(queue.Check(), "") << "step " << step;
    ASSERT_EQ(queue.ready_count() + queue.delayed_count(), static_cast<int64_t>(model.size()));
  }
}

}  // namespace
}  // namespace coordhub::core
