// A hub in this process that answers unary calls as the test says, behind a real unix socket.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/base/mutex.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/server.h"

namespace coordhub::coordctl {

// Thread-safe. A method without an answer is UNIMPLEMENTED.
class ScriptedHub {
 public:
  explicit ScriptedHub(const std::string& socket);
  ~ScriptedHub();

  std::string endpoint() const { return "unix:" + socket_; }
  // The same hub on loopback.
  std::string tcp_endpoint() const { return "127.0.0.1:" + std::to_string(port_); }

  // How calls of `method` ("TicketService/CreateTicket") are answered from now on.
  template <class Request, class Response>
  void On(const std::string& method,
          std::function<absl::Status(const Request&, Response*)> answer) {
    SetHandler("/coordhub.v1." + method, [answer](const std::string& in, std::string* out) {
      Request request;
      Response response;
      if (!request.ParseFromString(in)) return absl::InternalError("not a request");
      const absl::Status status = answer(request, &response);
      *out = response.SerializeAsString();
      return status;
    });
  }

  struct Call {
    std::string method;         // as in On
    std::string bytes;          // the request
    std::string session_token;  // metadata
  };
  std::vector<Call> calls();
  // The requests of all calls of a method.
  template <class Request>
  std::vector<Request> Requests(const std::string& method) {
    std::vector<Request> requests;
    for (const Call& call : calls()) {
      if (call.method == method) requests.emplace_back().ParseFromString(call.bytes);
    }
    return requests;
  }

 private:
  using Answerer = std::function<absl::Status(const std::string&, std::string*)>;
  class Service;

  void SetHandler(const std::string& method, Answerer handler);

  const std::string socket_;
  int port_ = 0;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  base::Mutex mu_;
  std::map<std::string, Answerer> handlers_ ABSL_GUARDED_BY(mu_);
  std::vector<Call> calls_ ABSL_GUARDED_BY(mu_);
};

}  // namespace coordhub::coordctl
