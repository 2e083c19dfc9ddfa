#include "hub/rpc/call_deadline.h"

#include <grpc/support/time.h>

namespace coordhub::rpc {

base::MonoTime DeadlineOf(const grpc::ServerContextBase& context, const base::Clock& clock) {
  const gpr_timespec deadline = context.raw_deadline();
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) {
    return base::MonoTime::InfiniteFuture();
  }
  const gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  return clock.Mono() + absl::Seconds(left.tv_sec) + absl::Nanoseconds(left.tv_nsec);
}

}  // namespace coordhub::rpc
