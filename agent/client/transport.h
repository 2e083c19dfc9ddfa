// The wire as the client sees it: single attempts, no retries, errors as absl::Status.
//
// GrpcTransport is the real one. Programs and tests that want a client without a hub implement it
// themselves.

#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/client/options.h"
#include "coordhub/v1/agent_service.pb.h"
#include "coordhub/v1/event_service.pb.h"
#include "google/protobuf/message_lite.h"

namespace coordhub::agent {

namespace pb = ::coordhub::v1;

// A WatchEvents call. Read and Finish belong to one thread; Cancel may be called on any.
class EventStream {
 public:
  virtual ~EventStream() = default;
  // Blocks for the next response; the first time it begins the call, which may take as long as
  // connecting does. False: the stream ended, and Finish says how.
  virtual bool Read(pb::WatchEventsResponse* response) = 0;
  // Ends the call. Call once, after Read returned false, or after Cancel.
  virtual absl::Status Finish() = 0;
  // Makes Read return false soon, also one that is yet to come.
  virtual void Cancel() = 0;
};

// An open KeepAlive call. Send and Finish belong to one thread, its owner's.
class KeepAliveStream {
 public:
  // Called on threads of the transport, one call at a time, never after Finish returned. Must not
  // block, nor call the stream.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnAnswer(pb::KeepAliveResponse answer) = 0;
    // Nothing more comes; Finish says why.
    virtual void OnBroken() = 0;
  };

  // Cancels the call if it is still open.
  virtual ~KeepAliveStream() = default;
  // Queues one message. False: not sent, because the one before is still on its way or the stream
  // is broken.
  virtual bool Send(const pb::KeepAliveRequest& request) = 0;
  // Ends the call (cancelling it if it is still open) and returns how it ended. Call once.
  virtual absl::Status Finish() = 0;
};

// All methods are thread-safe.
class Transport {
 public:
  virtual ~Transport() = default;

  // One attempt of a unary call; `method` is its full name, `/coordhub.v1.HubService/GetHub`.
  // Blocks for `timeout` at most.
  //
  // Errors: the hub's, and
  //   UNAVAILABLE/HUB_UNREACHABLE  no hub answers at the endpoint, or the connection broke: what
  //   the
  //                                call did is not known.
  //   DEADLINE_EXCEEDED            no answer in time: what the call did is not known.
  //   CANCELLED                    Shutdown was called.
  virtual absl::Status Unary(const std::string& method,
                             const google::protobuf::MessageLite& request,
                             google::protobuf::MessageLite* response,
                             const Credentials& credentials, absl::Duration timeout) = 0;

  // Does not block; see EventStream::Read.
  virtual std::unique_ptr<EventStream> Watch(const pb::WatchEventsRequest& request,
                                             const Credentials& credentials) = 0;

  // `listener` is not owned and outlives the stream.
  virtual std::unique_ptr<KeepAliveStream> KeepAlive(const Credentials& credentials,
                                                     KeepAliveStream::Listener* listener) = 0;

  // The hub could not be reached: look where it listens now. Later calls go there.
  virtual void Refresh() = 0;

  // Ends every call that is under way with CANCELLED, and all later ones too.
  virtual void Shutdown() = 0;
};

}  // namespace coordhub::agent
