// What a client may do on the wire: frames, and bytes between strangers and gRPC.
#include "hub/rpc/wire_guard.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "gtest/gtest.h"
#include "hub/rpc/frame_watch.h"
#include "tests/rpc/hub_fixture.h"
#include "tests/rpc/raw_http2.h"

namespace coordhub::rpc {
namespace {

using Raw = RawHttp2;

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr char kGetHub[] = "/coordhub.v1.HubService/GetHub";
// More than anyone needs for one call.
constexpr size_t kFlood = 8 << 20;

// ---- frames, by themselves ----

class FrameWatchTest : public ::testing::Test {
 protected:
  const char* Client(const std::string& bytes, int64_t now_ms = 0) {
    return watch_.FromClient(bytes, now_ms);
  }
  void Settle() {
    watch_.FromServer(Raw::FrameOf(Raw::kSettings, 0, 0, ""));
    EXPECT_EQ(Client(Raw::FrameOf(Raw::kSettings, Raw::kAck, 0, "")), nullptr);
  }
  static std::string Headers(uint32_t stream, int flags = Raw::kEndHeaders) {
    return Raw::FrameOf(Raw::kHeaders, flags, stream, "block");
  }
  const char* Late(int64_t now_ms) const {
    return watch_.Late(now_ms, absl::Seconds(10), absl::Seconds(30));
  }

  FrameWatch watch_{FrameBounds(), 0};
};

TEST_F(FrameWatchTest, TakesBytesInPiecesOfAnySize) {
  std::string all = kPreface + Raw::FrameOf(Raw::kSettings, 0, 0, "") +
                    Raw::FrameOf(Raw::kSettings, Raw::kAck, 0, "");
  for (uint32_t i = 0; i < 200; ++i) {
    all += Headers(2 * i + 1) + Raw::FrameOf(Raw::kData, Raw::kEndStream, 2 * i + 1, "payload");
  }
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{10}, size_t{1'000}}) {
    FrameWatch watch(FrameBounds(), 0);
    watch.FromServer(Raw::FrameOf(Raw::kSettings, 0, 0, ""));
    for (size_t at = 0; at < all.size(); at += piece) {
      ASSERT_EQ(watch.FromClient(std::string_view(all).substr(at, piece), 0), nullptr) << at;
    }
    EXPECT_EQ(watch.open_streams(), 200U);
  }
}

TEST_F(FrameWatchTest, WhatIsNoHttp2IsCut) {
  EXPECT_EQ(Client("PRI * "), nullptr);
  EXPECT_NE(Client("GET / HTTP/1.1"), nullptr);
}

TEST_F(FrameWatchTest, AHeaderBlockIsBoundedInBytesAndFrames) {
  ASSERT_EQ(Client(kPreface), nullptr);
  ASSERT_EQ(Client(Headers(1, 0)), nullptr);
  const std::string piece(10'000, 'x');
  EXPECT_EQ(Client(Raw::FrameOf(Raw::kMore, 0, 1, piece)), nullptr);
  EXPECT_EQ(Client(Raw::FrameOf(Raw::kMore, 0, 1, piece)), nullptr);
  EXPECT_EQ(Client(Raw::FrameOf(Raw::kMore, Raw::kEndHeaders, 1, piece)), nullptr);

  ASSERT_EQ(Client(Headers(3, 0)), nullptr);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Client(Raw::FrameOf(Raw::kMore, 0, 3, "")), nullptr);
  EXPECT_NE(Client(Raw::FrameOf(Raw::kMore, 0, 3, "")), nullptr);
}

TEST_F(FrameWatchTest, NothingComesBetweenTheFramesOfAHeaderBlock) {
  ASSERT_EQ(Client(kPreface + Headers(1, 0)), nullptr);
  EXPECT_NE(Client(Raw::FrameOf(Raw::kPing, 0, 0, "12345678")), nullptr);
}

TEST_F(FrameWatchTest, StreamsAreCountedUntilEitherSideEndsThem) {
  ASSERT_EQ(Client(kPreface), nullptr);
  Settle();
  for (uint32_t stream = 1; stream < 2'000; stream += 2) {
    ASSERT_EQ(Client(Headers(stream)), nullptr) << stream;
  }
  EXPECT_EQ(watch_.open_streams(), 1'000U);
  watch_.FromServer(Raw::FrameOf(Raw::kHeaders, Raw::kEndHeaders | Raw::kEndStream, 1, "trailers"));
  ASSERT_EQ(Client(Raw::FrameOf(Raw::kReset, 0, 3, "code")), nullptr);
  EXPECT_EQ(watch_.open_streams(), 998U);
  EXPECT_EQ(Client(Headers(2'001)), nullptr);
  EXPECT_EQ(Client(Headers(2'003)), nullptr);
  EXPECT_NE(Client(Headers(2'005)), nullptr);
}

TEST_F(FrameWatchTest, WhoDoesNotAcknowledgeOurSettingsHasFewStreamsAndLittleTime) {
  ASSERT_EQ(Client(kPreface), nullptr);
  // As one who has not seen them.
  ASSERT_EQ(Client(Raw::FrameOf(Raw::kSettings, Raw::kAck, 0, "")), nullptr);
  for (uint32_t stream = 1; stream < 200; stream += 2) ASSERT_EQ(Client(Headers(stream)), nullptr);
  EXPECT_NE(Client(Headers(201)), nullptr);
  EXPECT_EQ(Late(10'000), nullptr);
  EXPECT_NE(Late(10'001), nullptr);
}

TEST_F(FrameWatchTest, ARequestThatDoesNotEndIsLateUnlessItIsAnswered) {
  ASSERT_EQ(Client(kPreface), nullptr);
  Settle();
  ASSERT_EQ(Client(Headers(1), 1'000), nullptr);
  ASSERT_EQ(Client(Headers(3), 1'000), nullptr);
  ASSERT_EQ(Client(Raw::FrameOf(Raw::kData, Raw::kEndStream, 3, "all")), nullptr);
  EXPECT_EQ(Late(31'000), nullptr);
  EXPECT_NE(Late(31'001), nullptr);
  watch_.FromServer(Raw::FrameOf(Raw::kHeaders, Raw::kEndHeaders, 1, "go on"));
  EXPECT_EQ(Late(1'000'000), nullptr);
}

TEST_F(FrameWatchTest, AHeaderBlockThatDoesNotEndIsLate) {
  ASSERT_EQ(Client(kPreface), nullptr);
  Settle();
  ASSERT_EQ(Client(Headers(1, 0), 1'000), nullptr);
  EXPECT_EQ(Late(11'000), nullptr);
  EXPECT_NE(Late(11'001), nullptr);
}

TEST_F(FrameWatchTest, FramesThatCarryNothingAreBoundedInASecond) {
  ASSERT_EQ(Client(kPreface), nullptr);
  const std::string ping = Raw::FrameOf(Raw::kPing, 0, 0, "12345678");
  for (int second = 0; second < 3; ++second) {
    for (int i = 0; i < 5'000; ++i) ASSERT_EQ(Client(ping, second * 1'000), nullptr);
  }
  EXPECT_NE(Client(ping, 2'999), nullptr);
}

// ---- connections ----

// The guard, and gRPC's end of the one connection that comes.
class WireGuardTest : public ::testing::Test {
 protected:
  void Begin(WireBounds bounds = {}) {
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    client_.Reset(ends[0]);
    base::UniqueFd guarded(ends[1]);
    fcntl(guarded.get(), F_SETFL, O_NONBLOCK);
    guard_ = std::make_unique<WireGuard>(bounds, [this](int connection) {
      fcntl(connection, F_SETFL, 0);
      grpc_.Reset(connection);
    });
    ASSERT_TRUE(guard_->Start().ok());
    guard_->Add(std::move(guarded));
    Write(client_, kPreface + Raw::FrameOf(Raw::kSettings, 0, 0, ""));
    Write(grpc_, Raw::FrameOf(Raw::kSettings, 0, 0, ""));
    EXPECT_EQ(Read(client_, 9).size(), 9U);
    Write(client_, Raw::FrameOf(Raw::kSettings, Raw::kAck, 0, ""));
    EXPECT_EQ(Read(grpc_, 24 + 9 + 9).size(), 42U);
  }
  static void Write(const base::UniqueFd& to, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  static std::string Read(const base::UniqueFd& from, size_t size) {
    std::string bytes(size, '\0');
    size_t have = 0;
    while (have < size) {
      const ssize_t got = recv(from.get(), bytes.data() + have, size - have, 0);
      if (got <= 0) break;
      have += static_cast<size_t>(got);
    }
    bytes.resize(have);
    return bytes;
  }
  // Of data frames, as much as that.
  static std::string Data(size_t bytes) {
    std::string frames;
    for (int i = 0; frames.size() < bytes; ++i) {
      frames +=
          Raw::FrameOf(Raw::kData, 0, 1, std::string(16'000, static_cast<char>('a' + i % 26)));
    }
    return frames;
  }

  base::UniqueFd client_;
  base::UniqueFd grpc_;
  std::unique_ptr<WireGuard> guard_;
};

TEST_F(WireGuardTest, BytesGoThroughAsTheyAreInBothDirections) {
  Begin();
  const std::string up = Data(20 << 20);
  const std::string down = Data(30 << 20);
  std::thread write_up([&] { Write(client_, up); });
  std::thread write_down([&] { Write(grpc_, down); });
  std::string at_client;
  std::thread read_down([&] { at_client = Read(client_, down.size()); });
  const std::string at_grpc = Read(grpc_, up.size());
  for (std::thread* thread : {&write_up, &write_down, &read_down}) thread->join();
  EXPECT_TRUE(at_grpc == up);
  EXPECT_TRUE(at_client == down);
}

TEST_F(WireGuardTest, WhatWasSaidBeforeAnEndArrives) {
  Begin();
  const std::string last = Data(3 << 20);
  std::thread write([&] {
    Write(grpc_, last);
    grpc_.Reset();
  });
  EXPECT_TRUE(Read(client_, last.size() + 1) == last);
  write.join();
  client_.Reset();
  guard_->Stop();
}

TEST_F(WireGuardTest, AClientThatDoesNotReadIsNotRead) {
  Begin();
  fcntl(grpc_.get(), F_SETFL, O_NONBLOCK);
  fcntl(client_.get(), F_SETFL, O_NONBLOCK);
  // Until nobody takes any more: what is on its way is bounded.
  const std::string piece = Data(16'000);
  const auto fill = [&piece](const base::UniqueFd& to) {
    size_t sent = 0;
    for (pollfd ready{to.get(), POLLOUT, 0}; poll(&ready, 1, 200) == 1;) {
      const ssize_t got = send(to.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
      if (got > 0) sent += static_cast<size_t>(got);
      if (sent > kFlood) break;
    }
    return sent;
  };
  EXPECT_LT(fill(grpc_), kFlood);
  // gRPC takes all that comes, and still no more comes.
  std::thread drain([this] {
    std::array<char, 65'536> bytes{};
    while (true) {
      pollfd ready{grpc_.get(), POLLIN, 0};
      poll(&ready, 1, -1);
      if (recv(grpc_.get(), bytes.data(), bytes.size(), 0) == 0) return;
    }
  });
  EXPECT_LT(fill(client_), kFlood);
  client_.Reset();
  guard_->Stop();
  drain.join();
}

TEST_F(WireGuardTest, AStreamThatSendsOnlyHeadersIsCutAfterItsTime) {
  Begin({.begun_for = absl::Milliseconds(100)});
  Write(client_, Raw::FrameOf(Raw::kHeaders, Raw::kEndHeaders, 1, "block"));
  EXPECT_EQ(Read(client_, 1), "");
}

TEST_F(WireGuardTest, AConnectionBeyondTheBoundIsClosedAtOnce) {
  Begin({.connections = 1});
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const base::UniqueFd second(ends[0]);
  guard_->Add(base::UniqueFd(ends[1]));
  EXPECT_EQ(Read(second, 1), "");
  EXPECT_EQ(guard_->connections(), 1U);
}

// ---- a hub, on TCP ----

class WireTest : public ::testing::Test {
 protected:
  // Sends pieces until the hub cuts the connection. How much it took.
  template <class Piece>
  static size_t FloodWith(RawHttp2* raw, const Piece& piece) {
    size_t sent = 0;
    for (uint32_t i = 0; sent < kFlood; ++i) {
      const std::string bytes = piece(i);
      if (!raw->Send(bytes)) break;
      sent += bytes.size();
    }
    return sent;
  }

  int Port() const {
    const std::string target = hub_.tcp_target();
    return std::stoi(target.substr(target.rfind(':') + 1));
  }

  const TestHub hub_;
  RawHttp2 raw_{Port()};
};

TEST_F(WireTest, EndlessContinuationsAreCut) {
  ASSERT_TRUE(raw_.Begin());
  ASSERT_TRUE(raw_.SendFrame(Raw::kHeaders, 0, 1, Raw::HeadersOf(kGetHub)));
  const std::string more = Raw::Header("name", std::string(12'000, 'x'));
  EXPECT_LT(FloodWith(&raw_, [&](uint32_t) { return Raw::FrameOf(Raw::kMore, 0, 1, more); }),
            kFlood);
  EXPECT_TRUE(raw_.EndsWithin(absl::Seconds(60)));
}

TEST_F(WireTest, StreamsOfWhoIgnoresOurSettingsAreBounded) {
  ASSERT_TRUE(raw_.Begin());
  EXPECT_LT(FloodWith(&raw_,
                      [&](uint32_t i) {
                        return Raw::FrameOf(Raw::kHeaders, Raw::kEndHeaders, 2 * i + 1,
                                            Raw::HeadersOf(kGetHub));
                      }),
            kFlood);
  EXPECT_TRUE(raw_.EndsWithin(absl::Seconds(60)));
}

TEST_F(WireTest, StreamsThatAreResetAtOnceAreBounded) {
  ASSERT_TRUE(raw_.Begin());
  ASSERT_TRUE(raw_.AcknowledgeSettings());
  EXPECT_LT(FloodWith(&raw_,
                      [&](uint32_t i) {
                        return Raw::FrameOf(Raw::kHeaders, Raw::kEndHeaders, 2 * i + 1,
                                            Raw::HeadersOf(kGetHub)) +
                               Raw::FrameOf(Raw::kReset, 0, 2 * i + 1, std::string("\0\0\0\x8", 4));
                      }),
            kFlood);
  EXPECT_TRUE(raw_.EndsWithin(absl::Seconds(60)));
}

TEST_F(WireTest, ARequestThatWasCompressedIsRefusedAndNotTakenApart) {
  for (const std::string& target : {hub_.socket_target(), hub_.tcp_target()}) {
    Client client(target);
    client.set_operator(hub_.operator_token());
    const auto context = client.Context();
    context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
    pb::AddCommentRequest request;
    request.set_text(std::string(1'000, ' '));
    pb::AddCommentResponse response;
    pb::TicketService::Stub stub(client.channel());
    EXPECT_EQ(stub.AddComment(context.get(), request, &response).error_code(),
              grpc::StatusCode::UNIMPLEMENTED);
    // It can do without.
    EXPECT_EQ(client.GetHub().caller(), "operator");
  }
}

// What a stream of ours does that waits for its first word.
TEST_F(WireTest, AStreamThatHasNothingToSayYetIsAnswered) {
  ASSERT_TRUE(raw_.Begin());
  ASSERT_TRUE(raw_.SendFrame(Raw::kHeaders, Raw::kEndHeaders, 1,
                             Raw::HeadersOf("/coordhub.v1.TicketService/MutateTickets") +
                                 Raw::Header(base::kOperatorMetadataKey, hub_.operator_token())));
  RawHttp2::Frame frame;
  do {
    frame = raw_.Next();
  } while (frame.type != Raw::kHeaders && frame.type != -1);
  EXPECT_EQ(frame.stream, 1U);
  EXPECT_EQ(frame.flags & Raw::kEndStream, 0) << "it was ended";
}

}  // namespace
}  // namespace coordhub::rpc
