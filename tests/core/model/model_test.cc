// Random commands against the independent model. A run is named by its seed:
//
//   COORDHUB_SEED=17 core_test --gtest_filter=Model.*    one run, as it was
//   COORDHUB_SEEDS=200 COORDHUB_STEPS=50000 core_test …  a longer search
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <set>
#include <string>

#include "tests/core/model/world.h"

namespace coordhub::model {
namespace {

int64_t FromEnvironment(const char* name, int64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::atoll(value);
}

// What a run must come across to be worth something.
const std::set<std::string>& MustBeSeen() {
  static const auto& all = *new std::set<std::string>{
      "repeated",
      "no work",
      "EVENT_KIND_AGENT_REGISTERED",
      "EVENT_KIND_AGENT_RESUMED",
      "EVENT_KIND_AGENT_LEFT",
      "EVENT_KIND_AGENT_EXPIRED",
      "EVENT_KIND_TICKET_CREATED",
      "EVENT_KIND_TICKET_UPDATED",
      "EVENT_KIND_TICKET_CLAIMED",
      "EVENT_KIND_TICKET_RELEASED",
      "EVENT_KIND_TICKET_COMPLETED",
      "EVENT_KIND_TICKET_RETRIED",
      "EVENT_KIND_TICKET_FAILED",
      "EVENT_KIND_TICKET_BURIED",
      "EVENT_KIND_TICKET_CANCELLED",
      "EVENT_KIND_TICKET_REOPENED",
      "EVENT_KIND_TICKET_CLAIM_LOST",
      "EVENT_KIND_TICKET_UNBLOCKED",
      "EVENT_KIND_TICKET_BLOCKED",
      "EVENT_KIND_COMMENT_ADDED",
      "EVENT_KIND_TICKETS_ARCHIVED",
      "EVENT_KIND_BRANCH_MOVED",
      "EVENT_KIND_BRANCH_GONE",
      "EVENT_KIND_OPERATION_STARTED",
      "EVENT_KIND_OPERATION_CHANGED",
      "EVENT_KIND_OPERATION_FINISHED",
      "EVENT_KIND_WORKSPACE_RESTORED",
      "ERROR_REASON_INVALID_FIELD",
      "ERROR_REASON_REQUEST_ID_REUSED",
      "ERROR_REASON_AGENT_NOT_FOUND",
      "ERROR_REASON_TICKET_NOT_FOUND",
      "ERROR_REASON_TICKET_ARCHIVED",
      "ERROR_REASON_OPERATION_NOT_FOUND",
      "ERROR_REASON_OPERATION_STATE",
      "ERROR_REASON_AGENT_ACTIVE",
      "ERROR_REASON_TICKET_STATE",
      "ERROR_REASON_TICKET_BLOCKED",
      "ERROR_REASON_TICKET_NOT_DUE",
      "ERROR_REASON_TICKET_ASSIGNED",
      "ERROR_REASON_TICKET_CLAIMED",
      "ERROR_REASON_CLAIM_SUPERSEDED",
      "ERROR_REASON_DEPENDENCY_CYCLE",
      "ERROR_REASON_AGENT_ENDED",
      "ERROR_REASON_REVISION_MISMATCH",
      "ERROR_REASON_SESSION_ENDED",
      "ERROR_REASON_SESSION_REQUIRED",
      "ERROR_REASON_OPERATOR_REQUIRED",
      "ERROR_REASON_NOT_TICKET_OWNER",
  };
  return all;
}

void RunSeed(uint64_t seed, int64_t steps) {
  World world(seed);
  std::cout << "seed " << seed << ": " << steps << " steps, " << std::flush;
  for (int64_t step = 0; step < steps; ++step) {
    ASSERT_TRUE(world.Step()) << "COORDHUB_SEED=" << seed << " step " << step << ": "
                              << world.disagreement();
  }
  ASSERT_TRUE(world.Finish()) << "COORDHUB_SEED=" << seed << ": " << world.disagreement();
  std::cout << world.revision() << " events\n";
  if (std::getenv("COORDHUB_COUNTS") != nullptr) {
    for (const auto& [what, count] : world.seen())
      std::cout << "  " << count << " " << what << "\n";
  }
  if (steps < 10'000) return;
  for (const std::string& what : MustBeSeen()) {
    EXPECT_TRUE(world.seen().contains(what)) << "COORDHUB_SEED=" << seed << " never saw " << what;
  }
}

TEST(Model, AgreesWithTheCore) {
  const int64_t steps = FromEnvironment("COORDHUB_STEPS", 10'000);
  uint64_t first = 1;
  int64_t count = FromEnvironment("COORDHUB_SEEDS", 3);
  if (const int64_t seed = FromEnvironment("COORDHUB_SEED", 0); seed != 0) {
    first = static_cast<uint64_t>(seed);
    count = FromEnvironment("COORDHUB_SEEDS", 1);
  }
  for (int64_t i = 0; i < count && !HasFatalFailure(); ++i) {
    const uint64_t seed = first + static_cast<uint64_t>(i);
    RunSeed(seed, steps);
  }
}

}  // namespace
}  // namespace coordhub::model
