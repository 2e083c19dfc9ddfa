#include "agent/coordctl/await_hub.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "agent/base/error.h"
#include "tests/agent/coordctl/coordctl_fixture.h"

namespace coordhub::coordctl {
namespace {

class AwaitHubTest : public CoordctlTest {
 protected:
  std::string StateDir() const { return root_ + "/.git/coordhub"; }
  base::ResolvedEndpoint Served() const {
    return {.target = hub_->endpoint(), .state_dir = StateDir(), .is_unix = true};
  }
  // No endpoint file in `directory`.
  static absl::Status NoFile(const std::string& directory) {
    return base::MakeError(pb::ERROR_REASON_HUB_UNREACHABLE, "no hub runs",
                           {{"endpoint", directory + "/endpoint"}});
  }
  int asked_ = 0;
};

TEST_F(AwaitHubTest, AHubThatTookItsEndpointFileAlongIsWaitedFor) {
  const auto endpoint = AwaitHub(
      [this]() -> absl::StatusOr<base::ResolvedEndpoint> {
        if (++asked_ < 3) return NoFile(StateDir());
        return Served();
      },
      absl::Minutes(1));
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_EQ(endpoint->target, hub_->endpoint());
  EXPECT_EQ(asked_, 3);
}

TEST_F(AwaitHubTest, AHubThatComesBackElsewhereIsFoundThere) {
  const auto endpoint = AwaitHub(
      [this]() -> absl::StatusOr<base::ResolvedEndpoint> {
        base::ResolvedEndpoint served = Served();
        if (++asked_ == 1) served.target = "unix:" + root_ + "/nobody.sock";
        return served;
      },
      absl::Minutes(1));
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_EQ(asked_, 2);
}

TEST_F(AwaitHubTest, WithoutPatienceItLooksOnce) {
  const auto endpoint = AwaitHub(
      [this]() -> absl::StatusOr<base::ResolvedEndpoint> {
        ++asked_;
        return NoFile(StateDir());
      },
      absl::ZeroDuration());
  EXPECT_EQ(base::ReasonOf(endpoint.status()), pb::ERROR_REASON_HUB_UNREACHABLE);
  EXPECT_EQ(asked_, 1);
}

TEST_F(AwaitHubTest, NobodyWaitsWhereNoHubWasEver) {
  const auto endpoint = AwaitHub(
      [this]() -> absl::StatusOr<base::ResolvedEndpoint> {
        ++asked_;
        return NoFile(root_ + "/nowhere");
      },
      absl::InfiniteDuration());
  EXPECT_EQ(base::ReasonOf(endpoint.status()), pb::ERROR_REASON_HUB_UNREACHABLE);
  EXPECT_EQ(asked_, 1);
}

TEST_F(AwaitHubTest, WhatCannotBeReadIsToldAtOnce) {
  const auto endpoint = AwaitHub(
      [this]() -> absl::StatusOr<base::ResolvedEndpoint> {
        ++asked_;
        return base::MakeError(pb::ERROR_REASON_IO_FAILED, "not an endpoint file");
      },
      absl::InfiniteDuration());
  EXPECT_EQ(base::ReasonOf(endpoint.status()), pb::ERROR_REASON_IO_FAILED);
  EXPECT_EQ(asked_, 1);
}

}  // namespace
}  // namespace coordhub::coordctl
