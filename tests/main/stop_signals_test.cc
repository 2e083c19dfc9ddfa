#include "hub/main/stop_signals.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

#include "tests/support/child.h"

namespace coordhub::hub {
namespace {

// Runs `body` in a process of its own, whose signals it may play with; returns its exit code.
int InChild(const std::function<int()>& body) { return test::Child::Running(body).Wait(); }

class StopSignalsTest : public ::testing::TestWithParam<std::pair<int, const char*>> {};

TEST_P(StopSignalsTest, ASignalIsARequestAndASecondOneIsNothing) {
  const auto [signal, name] = GetParam();
  EXPECT_EQ(InChild([signal = signal, name = name] {
              StopSignals stop;
              raise(signal);
              if (stop.Wait() != name) return 1;
              raise(signal);
              raise(SIGTERM);
              return 0;
            }),
            0);
}

INSTANTIATE_TEST_SUITE_P(Signals, StopSignalsTest,
                         ::testing::Values(std::pair(SIGTERM, "SIGTERM"),
                                           std::pair(SIGINT, "SIGINT"),
                                           std::pair(SIGHUP, "SIGHUP")));

TEST(StopSignals, CanBeAskedFromWithin) {
  EXPECT_EQ(InChild([] {
              StopSignals stop;
              std::thread asking([&stop] { stop.Request(); });
              const bool right = stop.Wait() == "DrainHub";
              asking.join();
              return right ? 0 : 1;
            }),
            0);
}

TEST(StopSignals, WhatWasIgnoredStaysIgnored) {
  EXPECT_EQ(InChild([] {
              std::signal(SIGHUP, SIG_IGN);
              StopSignals stop;
              raise(SIGHUP);
              raise(SIGTERM);
              return stop.Wait() == "SIGTERM" ? 0 : 1;
            }),
            0);
}

TEST(StopSignals, QuitAndKillStillEndTheProcess) {
  EXPECT_EQ(InChild([] {
              StopSignals stop;
              const rlimit no_core{};
              setrlimit(RLIMIT_CORE, &no_core);
              std::signal(SIGQUIT, SIG_DFL);
              raise(SIGQUIT);
              return 0;
            }),
            128 + SIGQUIT);
}

}  // namespace
}  // namespace coordhub::hub
