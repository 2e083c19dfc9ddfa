// grpc.health.v1, which is served by the hub's own code.
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/raw_stream.h"
#include "tests/rpc/services_fixture.h"

namespace coordhub::rpc {
namespace {

using HealthTest = ServicesTest;

constexpr char kCheck[] = "/grpc.health.v1.Health/Check";
constexpr char kWatch[] = "/grpc.health.v1.Health/Watch";
constexpr char kServiceUnknown[] = "\x08\x03";
// A length that goes beyond the end.
const std::string kMalformed("\x0a\x7f", 2);

TEST_F(HealthTest, CheckOfANameThatNobodySetIsNotFound) {
  const RawAnswer answer = CallRaw(operator_, kCheck, HealthRequest("coordhub.v1.NoService"));
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(HealthTest, WatchOfANameThatNobodySetSaysSoAndGoesOn) {
  RawStream watch(operator_, kWatch);
  watch.Send(HealthRequest("coordhub.v1.NoService"));
  EXPECT_EQ(watch.Next(), kServiceUnknown);
  // That the hub stops changes nothing for it: it is cut off, with nothing more said.
  std::thread stopping([&] { hub_.server().Shutdown(absl::ZeroDuration()); });
  EXPECT_EQ(watch.Next(), "ended");
  stopping.join();
}

TEST_F(HealthTest, WhatIsNoRequestIsRefused) {
  for (const char* method : {kCheck, kWatch}) {
    EXPECT_EQ(CallRaw(operator_, method, kMalformed).status.error_code(),
              grpc::StatusCode::INVALID_ARGUMENT)
        << method;
  }
}

}  // namespace
}  // namespace coordhub::rpc
