// Where a server may listen, and what it says when it may not.
#include "hub/rpc/listen_address.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/unique_fd.h"
#include "gtest/gtest.h"
#include "tests/rpc/hub_fixture.h"

namespace coordhub::rpc {
namespace {

TEST(ParseLoopbackTest, TakesLoopbackOnly) {
  const auto target = [](const std::string& address) {
    const auto parsed = ParseLoopback(address);
    return parsed.ok() ? parsed->Target() : std::string();
  };
  EXPECT_EQ(target("127.0.0.1:7000"), "127.0.0.1:7000");
  EXPECT_EQ(target("127.1.2.3:0"), "127.1.2.3:0");
  EXPECT_EQ(target("[::1]:7000"), "[::1]:7000");
  EXPECT_EQ(target("::1:7000"), "[::1]:7000");
  EXPECT_EQ(target("localhost:7000"), "127.0.0.1:7000");
  for (const char* bad : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:65536",
                          "127.0.0.1:x", "0.0.0.0:7000", "[::]:7000", "192.168.0.1:7000",
                          "example.org:7000", "[::ffff:127.0.0.1]:1", ":7000"}) {
    const auto parsed = ParseLoopback(bad);
    EXPECT_EQ(base::ReasonOf(parsed.status()), pb::ERROR_REASON_INVALID_FIELD) << bad;
    EXPECT_EQ(base::MetadataOf(parsed.status(), "field"), "tcp_address") << bad;
  }
  EXPECT_TRUE(absl::StrContains(ParseLoopback("0.0.0.0:1").status().message(), "TLS"));
}

TEST(SocketPathTest, ASocketThatNobodyServesMakesWay) {
  const base::TempDir dir;
  const std::string path = dir / "hub.sock";
  EXPECT_TRUE(ClearSocketPath(path).ok());  // nothing there
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  {
    const base::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(listen(fd.get(), 1), 0);
    const absl::Status served = ClearSocketPath(path);
    EXPECT_EQ(base::ReasonOf(served), pb::ERROR_REASON_WORKSPACE_LOCKED);
    EXPECT_EQ(base::MetadataOf(served, "pid"), absl::StrCat(getpid()));
    EXPECT_EQ(base::MetadataOf(served, "lock"), path);
  }
  EXPECT_TRUE(ClearSocketPath(path).ok());
  struct stat info {};
  EXPECT_NE(stat(path.c_str(), &info), 0);
}

TEST(SocketPathTest, AnythingElseStays) {
  const base::TempDir dir;
  const std::string path = dir / "hub.sock";
  std::ofstream(path) << "precious";
  EXPECT_EQ(base::ReasonOf(ClearSocketPath(path)), pb::ERROR_REASON_IO_FAILED);
  struct stat info {};
  EXPECT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(base::ReasonOf(ClearSocketPath(dir / std::string(120, 'x'))),
            pb::ERROR_REASON_IO_FAILED);
}

TEST(ServerStartTest, TheSocketIsForItsUserOnly) {
  const TestHub hub;
  struct stat info {};
  ASSERT_EQ(stat(hub.socket_path().c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

ServerOptions OptionsLike(TestHub& hub) {
  ServerOptions options;
  ServedWorkspace served;
  served.workspace = &hub.workspace();
  served.key = hub.key();
  options.workspaces.push_back(served);
  options.operator_token = hub.operator_token();
  options.clock = &hub.clock();
  static base::SequenceIdSource ids(7);
  options.ids = &ids;
  return options;
}

TEST(ServerStartTest, ASecondServerOnThePortIsRefusedAndSaysWhoHasIt) {
  TestHub hub;
  ServerOptions options = OptionsLike(hub);
  options.tcp_address = hub.tcp_target();
  const auto second = Server::Start(std::move(options));
  ASSERT_FALSE(second.ok());
  EXPECT_TRUE(absl::StrContains(second.status().message(), hub.tcp_target())) << second.status();
  EXPECT_TRUE(absl::StrContains(second.status().message(), absl::StrCat("pid ", getpid())))
      << second.status();
}

TEST(ServerStartTest, ASecondServerOnTheSocketIsRefusedAndTheFirstServesOn) {
  TestHub hub;
  ServerOptions options = OptionsLike(hub);
  options.workspaces[0].socket_path = hub.socket_path();
  const auto second = Server::Start(std::move(options));
  EXPECT_EQ(base::ReasonOf(second.status()), pb::ERROR_REASON_WORKSPACE_LOCKED);
  EXPECT_EQ(hub.OnSocket().GetHub().caller(), "operator");
}

TEST(ServerStartTest, AWideAddressIsRefused) {
  TestHub hub;
  ServerOptions options = OptionsLike(hub);
  options.tcp_address = "0.0.0.0:0";
  const auto second = Server::Start(std::move(options));
  EXPECT_EQ(base::ReasonOf(second.status()), pb::ERROR_REASON_INVALID_FIELD);
}

}  // namespace
}  // namespace coordhub::rpc
