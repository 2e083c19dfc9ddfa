// What an agent's program looks like from outside: the public headers compile, and the package
// links all that they need.

#include <iostream>

#include "absl/time/time.h"
#include "agent/base/error.h"
#include "agent/client/client.h"
#include "agent/client/session.h"
#include "agent/client/watch.h"

namespace pb = coordhub::v1;

int main() {
  const auto nowhere = coordhub::agent::Client::Connect({});
  if (coordhub::base::ReasonOf(nowhere.status()) != pb::ERROR_REASON_INVALID_FIELD) {
    std::cerr << "a client without an endpoint: " << nowhere.status() << "\n";
    return 1;
  }

  // A hub that is not there, so that a call goes all the way down into gRPC and back.
  coordhub::agent::ClientOptions options;
  options.endpoint = "unix:/nonexistent/hub.sock";
  options.timeout = absl::Seconds(2);  // for one attempt at the least, on a busy machine
  const auto client = coordhub::agent::Client::Connect(options);
  if (!client.ok()) {
    std::cerr << client.status() << "\n";
    return 1;
  }
  const auto answer = client->GetHub(pb::GetHubRequest());
  if (coordhub::base::ReasonOf(answer.status()) != pb::ERROR_REASON_HUB_UNREACHABLE) {
    std::cerr << "a call to no hub: " << answer.status() << "\n";
    return 1;
  }
  std::cout << "the installed client works\n";
  return 0;
}
