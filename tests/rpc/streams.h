// Open streams, as tests read them.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/rpc/hub_fixture.h"

namespace coordhub::rpc {

// One WatchEvents call. Reads block until something comes; the call's deadline ends a broken test.
class Watch {
 public:
  Watch(const Client& client, const pb::WatchEventsRequest& request)
      : context_(client.Context()),
        stub_(client.channel()),
        reader_(stub_.WatchEvents(context_.get(), request)) {}
  ~Watch() {
    if (finished_) return;
    context_->TryCancel();
    pb::WatchEventsResponse ignored;
    while (reader_->Read(&ignored)) {
    }
    (void)reader_->Finish();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // The next message; nullopt: the stream has ended.
  std::optional<pb::WatchEventsResponse> Next() {
    pb::WatchEventsResponse response;
    if (!reader_->Read(&response)) return std::nullopt;
    return response;
  }

  // Reads what opens the watch.
  pb::WatchOpened Opened() {
    const auto response = Next();
    EXPECT_TRUE(response.has_value() && response->has_opened());
    return response.has_value() ? response->opened() : pb::WatchOpened();
  }

  // Reads on until an event of this revision or a later one has come (or the stream has ended). All
  // events go to `events()`, all bookmarks to `bookmarks()`.
  void ReadTo(int64_t revision) {
    while (last_revision_ < revision) {
      const auto response = Next();
      if (!response.has_value()) return;
      Keep(*response);
    }
  }
  // Reads on until one bookmark more has come.
  int64_t ReadToBookmark() {
    const size_t before = bookmarks_.size();
    while (bookmarks_.size() == before) {
      const auto response = Next();
      if (!response.has_value()) return -1;
      Keep(*response);
    }
    return bookmarks_.back();
  }
  void Keep(const pb::WatchEventsResponse& response) {
    for (const pb::Event& event : response.events()) {
      events_.push_back(event);
      last_revision_ = event.revision();
    }
    if (response.has_bookmark()) {
      bookmarks_.push_back(response.bookmark().revision());
      events_at_bookmark_.push_back(events_.size());
    }
  }

  grpc::Status Finish() {
    pb::WatchEventsResponse response;
    while (reader_->Read(&response)) Keep(response);
    finished_ = true;
    return reader_->Finish();
  }

  const std::vector<pb::Event>& events() const { return events_; }
  const std::vector<int64_t>& bookmarks() const { return bookmarks_; }
  std::vector<int64_t> revisions() const {
    std::vector<int64_t> revisions;
    for (const pb::Event& event : events_) revisions.push_back(event.revision());
    return revisions;
  }

  // Nothing at or before a bookmark may come after it.
  void ExpectBookmarksHold() const {
    for (size_t i = 0; i < bookmarks_.size(); ++i) {
      for (size_t at = events_at_bookmark_[i]; at < events_.size(); ++at) {
        ASSERT_GT(events_[at].revision(), bookmarks_[i]) << "after bookmark " << i;
      }
    }
  }

 private:
  const std::unique_ptr<grpc::ClientContext> context_;
  pb::EventService::Stub stub_;
  const std::unique_ptr<grpc::ClientReader<pb::WatchEventsResponse>> reader_;
  bool finished_ = false;
  int64_t last_revision_ = 0;
  std::vector<pb::Event> events_;
  std::vector<int64_t> bookmarks_;
  std::vector<size_t> events_at_bookmark_;
};

// One KeepAlive call.
class KeepAlive {
 public:
  explicit KeepAlive(const Client& client)
      : context_(client.Context()),
        stub_(client.channel()),
        stream_(stub_.KeepAlive(context_.get())) {}
  ~KeepAlive() {
    if (finished_) return;
    context_->TryCancel();
    (void)stream_->Finish();
  }
  KeepAlive(const KeepAlive&) = delete;
  KeepAlive& operator=(const KeepAlive&) = delete;

  bool Send(int64_t sequence, const std::string& workspace_id = "") {
    pb::KeepAliveRequest request;
    request.set_workspace_id(workspace_id);
    request.set_sequence(sequence);
    return stream_->Write(request);
  }
  std::optional<pb::KeepAliveResponse> Next() {
    pb::KeepAliveResponse response;
    if (!stream_->Read(&response)) return std::nullopt;
    return response;
  }
  // Sends, and gives the answer to just that.
  pb::KeepAliveResponse Beat(int64_t sequence) {
    EXPECT_TRUE(Send(sequence));
    const auto response = Next();
    EXPECT_TRUE(response.has_value());
    if (!response.has_value()) return {};
    EXPECT_EQ(response->sequence(), sequence);
    return *response;
  }
  void Close() { stream_->WritesDone(); }
  grpc::Status Finish() {
    pb::KeepAliveResponse ignored;
    while (stream_->Read(&ignored)) {
    }
    finished_ = true;
    return stream_->Finish();
  }

 private:
  const std::unique_ptr<grpc::ClientContext> context_;
  pb::AgentService::Stub stub_;
  const std::unique_ptr<grpc::ClientReaderWriter<pb::KeepAliveRequest, pb::KeepAliveResponse>>
      stream_;
  bool finished_ = false;
};

inline pb::WatchEventsRequest WatchAfter(int64_t revision) {
  pb::WatchEventsRequest request;
  request.set_after_revision(revision);
  return request;
}

inline pb::WatchEventsRequest WatchFromSnapshot() {
  pb::WatchEventsRequest request;
  request.set_start(pb::WatchEventsRequest::START_SNAPSHOT);
  return request;
}

}  // namespace coordhub::rpc
