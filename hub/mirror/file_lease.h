// Whether anybody else has a file open.

#pragma once

namespace coordhub::mirror {

// Whether nobody but us has the file open, as `fd`, through which alone we have it. If so, and if
// the file system has leases, an open by anybody else waits until `fd` is closed (the kernel ends a
// lease that holds one up for longer than /proc/sys/fs/lease-break-time, 45 s).
//
// Where it has none, or the file is another user's, every process that we may look at is looked at,
// and an open right after that is not held up. `leases` false: always so.
bool TakeSoleUse(int fd, bool leases = true);

// Whether nobody has asked to open it since: who waits would go on as soon as `fd` is closed.
bool StillSoleUse(int fd, bool leases = true);

}  // namespace coordhub::mirror
