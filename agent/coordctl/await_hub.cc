#include "agent/coordctl/await_hub.h"

#include <poll.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "agent/base/clock.h"
#include "agent/base/error.h"
#include "agent/coordctl/listener.h"

namespace coordhub::coordctl {
namespace {

namespace pb = ::coordhub::v1;

constexpr absl::Duration kLookEvery = absl::Milliseconds(20);

// Whether the endpoint file is missing where a hub has been before.
bool MayComeBack(const absl::Status& status) {
  if (base::ReasonOf(status) != pb::ERROR_REASON_HUB_UNREACHABLE) return false;
  const std::filesystem::path file = base::MetadataOf(status, "endpoint");
  std::error_code error;
  return std::filesystem::is_directory(file.parent_path(), error);
}

}  // namespace

absl::StatusOr<base::ResolvedEndpoint> AwaitHub(
    const std::function<absl::StatusOr<base::ResolvedEndpoint>()>& resolve,
    absl::Duration patience) {
  base::SystemClock clock;  // what is waited for lives in this machine's time, whatever a test says
  const base::MonoTime deadline = clock.Mono() + patience;
  for (;;) {
    const absl::Duration look =
        std::clamp(deadline - clock.Mono(), absl::ZeroDuration(), kLookEvery);
    absl::StatusOr<base::ResolvedEndpoint> endpoint = resolve();
    if (endpoint.ok()) {
      if (!endpoint->is_unix) return endpoint;
      const absl::Status listens = AwaitListener(endpoint->target, look);
      if (listens.ok()) return endpoint;
      endpoint = listens;
    } else if (!MayComeBack(endpoint.status())) {
      return endpoint;
    } else {
      (void)poll(nullptr, 0, static_cast<int>(absl::ToInt64Milliseconds(look)));
    }
    if (look <= absl::ZeroDuration()) return endpoint;
  }
}

}  // namespace coordhub::coordctl
