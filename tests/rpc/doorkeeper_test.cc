// Who comes in, when descriptors run out.
#include "hub/rpc/doorkeeper.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/mutex.h"
#include "gtest/gtest.h"
#include "hub/rpc/listen_address.h"
#include "tests/agent/base/temp_dir.h"
#include "tests/rpc/hub_fixture.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/raw_http2.h"
#include "tests/rpc/raw_stream.h"

namespace coordhub::rpc {
namespace {

// The limit of this process, while it lives.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t limit) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    Set(limit);
  }
  ~DescriptorLimit() { setrlimit(RLIMIT_NOFILE, &before_); }
  void Set(rlim_t limit) const {
    rlimit now = before_;
    now.rlim_cur = limit;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
  }
  void Restore() const { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }

 private:
  rlimit before_{};
};

int LowestFreeDescriptor() {
  const base::UniqueFd lowest(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return lowest.get();
}

class DoorkeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto listening = ListenOnPath(path_);
    ASSERT_TRUE(listening.ok()) << listening.status();
    doorkeeper_ = std::make_unique<Doorkeeper>(
        std::move(listening->fd), path_, Doorkeeper::Share::kAll,
        [this](int connection) {
          base::MutexLock lock(&mu_);
          admitted_.emplace_back(connection);
          changed_.Signal();
        },
        [this](bool has_room) {
          base::MutexLock lock(&mu_);
          has_room_ = has_room;
          changed_.Signal();
        });
    ASSERT_TRUE(doorkeeper_->Start().ok());
  }

  void AwaitRoom(bool has_room) {
    base::MutexLock lock(&mu_);
    while (has_room_ != has_room) changed_.Wait(&mu_);
  }
  void AwaitAdmitted(size_t count) {
    base::MutexLock lock(&mu_);
    while (admitted_.size() < count) changed_.Wait(&mu_);
  }
  size_t admitted() {
    base::MutexLock lock(&mu_);
    return admitted_.size();
  }

  const base::TempDir dir_;
  const std::string path_ = dir_ / "door.sock";
  base::Mutex mu_;
  base::CondVar changed_;
  std::vector<base::UniqueFd> admitted_ ABSL_GUARDED_BY(mu_);
  bool has_room_ ABSL_GUARDED_BY(mu_) = true;
  std::unique_ptr<Doorkeeper> doorkeeper_;
};

TEST_F(DoorkeeperTest, TurnsAwayWhoeverComesBeyondTheBoundAndLetsInAgainWhenThereIsRoom) {
  RawHttp2 first(path_);
  AwaitAdmitted(1);
  // What is kept for files begins below the next descriptor.
  const auto lowest = static_cast<rlim_t>(LowestFreeDescriptor());
  const DescriptorLimit limit(lowest + 8);
  RawHttp2 second(path_);
  EXPECT_TRUE(second.EndsWithin(absl::Seconds(60)));
  AwaitRoom(false);
  EXPECT_EQ(admitted(), 1U);
  limit.Restore();
  AwaitRoom(true);
  RawHttp2 third(path_);
  AwaitAdmitted(2);
}

// The library's listener ended for good at the first of these.
TEST_F(DoorkeeperTest, ComesBackByItselfOnceDescriptorsAreFree) {
  // The ends here have their descriptors before there are no more.
  const base::UniqueFd first(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const base::UniqueFd second(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  {
    const DescriptorLimit limit(static_cast<rlim_t>(LowestFreeDescriptor()));
    for (const base::UniqueFd* fd : {&first, &second}) {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      ASSERT_LT(path_.size(), sizeof(address.sun_path));
      path_.copy(address.sun_path, path_.size());
      ASSERT_EQ(connect(fd->get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
      char byte = 0;
      EXPECT_LE(recv(fd->get(), &byte, 1, 0), 0) << "it is turned away";
    }
    AwaitRoom(false);
  }
  AwaitRoom(true);
  EXPECT_EQ(admitted(), 0U);
  RawHttp2 third(path_);
  AwaitAdmitted(1);
}

TEST(DoorkeeperOfAHubTest, HealthSaysThatConnectionsAreTurnedAwayAndWhoIsInGoesOn) {
  const TestHub hub;
  const Client inside = hub.OnSocket();
  inside.Create("before");
  const auto health = [&inside] {
    return CallRaw(inside, "/grpc.health.v1.Health/Check", HealthRequest("coordhub.connections"))
        .response;
  };
  EXPECT_EQ(health(), kServing);
  {
    const DescriptorLimit limit(static_cast<rlim_t>(LowestFreeDescriptor()) + 8);
    RawHttp2 outside(hub.socket_path());
    EXPECT_TRUE(outside.EndsWithin(absl::Seconds(60)));
    EXPECT_EQ(health(), kNotServing);
    inside.Create("meanwhile");
  }
  hub.OnSocket().Create("afterwards");
}

TEST(DoorkeeperBoundTest, KeepsSomeForFilesAndHalfForThoseOnTheSockets) {
  const DescriptorLimit limit(64);
  EXPECT_EQ(Doorkeeper::DescriptorBound(Doorkeeper::Share::kAll), 48);
  EXPECT_EQ(Doorkeeper::DescriptorBound(Doorkeeper::Share::kHalf), 24);
}

}  // namespace
}  // namespace coordhub::rpc
