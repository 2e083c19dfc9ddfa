// A Transport without a wire, moved by hand.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "agent/base/error.h"
#include "agent/client/transport.h"

namespace coordhub::agent {

inline absl::Status Unreachable() {
  return base::MakeError(pb::ERROR_REASON_HUB_UNREACHABLE, "no hub answers at unix:/x",
                         {{"endpoint", "unix:/x"}});
}

// One KeepAlive call, as the test sees it. Single-threaded.
struct FakeKeepAlive {
  KeepAliveStream::Listener* listener = nullptr;
  Credentials credentials;
  std::vector<pb::KeepAliveRequest> sent;
  absl::Status end = absl::CancelledError("cancelled by the client");
  bool open = true;  // the client has not finished it
  bool accepts = true;

  void Answer(int64_t sequence, pb::KeepAliveResponse answer = {}) {
    answer.set_sequence(sequence);
    listener->OnAnswer(std::move(answer));
  }
  void Break(absl::Status status) {
    end = std::move(status);
    listener->OnBroken();
  }
};

class FakeTransport final : public Transport {
 public:
  struct Request {
    std::string method;
    std::string bytes;
    std::string type;  // the message's full name
    Credentials credentials;
    absl::Duration timeout;
  };

  // What a unary call answers; called with the number of the call, from 0. Unset: OK, empty.
  std::function<absl::Status(const Request&, google::protobuf::MessageLite*)> answer;
  std::vector<Request> requests;
  std::vector<std::shared_ptr<FakeKeepAlive>> keep_alives;
  int refreshes = 0;
  bool shut_down = false;

  absl::Status Unary(const std::string& method, const google::protobuf::MessageLite& request,
                     google::protobuf::MessageLite* response, const Credentials& credentials,
                     absl::Duration timeout) override {
    requests.push_back(
        {method, request.SerializeAsString(), request.GetTypeName(), credentials, timeout});
    response_types.push_back(response->GetTypeName());
    return answer == nullptr ? absl::OkStatus() : answer(requests.back(), response);
  }
  std::vector<std::string> response_types;

  std::unique_ptr<EventStream> Watch(const pb::WatchEventsRequest& /*request*/,
                                     const Credentials& /*credentials*/) override {
    return nullptr;  // watches are tested over a real wire
  }

  std::unique_ptr<KeepAliveStream> KeepAlive(const Credentials& credentials,
                                             KeepAliveStream::Listener* listener) override {
    auto call = std::make_shared<FakeKeepAlive>();
    call->listener = listener;
    call->credentials = credentials;
    keep_alives.push_back(call);
    return std::make_unique<Stream>(call);
  }

  void Refresh() override { ++refreshes; }
  void Shutdown() override { shut_down = true; }

 private:
  class Stream final : public KeepAliveStream {
   public:
    explicit Stream(std::shared_ptr<FakeKeepAlive> call) : call_(std::move(call)) {}
    ~Stream() override { call_->open = false; }
    bool Send(const pb::KeepAliveRequest& request) override {
      if (call_->accepts) call_->sent.push_back(request);
      return call_->accepts;
    }
    absl::Status Finish() override {
      call_->open = false;
      return call_->end;
    }

   private:
    std::shared_ptr<FakeKeepAlive> call_;
  };
};

}  // namespace coordhub::agent
