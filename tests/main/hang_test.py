#!/usr/bin/env python3
"""What hangs does not outlive the hub, and does not keep it: git, and a loop at a system call that never returns."""

import os
import re
import socket
import subprocess
import sys
import unittest

import hang_at
import seccomp_filter
from hub_case import COORDHUB, REFUSED, HubCase, wait_until

class GitHangs(HubCase):
    def hanging_git(self):
        """A PATH in which git never comes back."""
        programs = self.path("bin")
        os.mkdir(programs)
        with open(os.path.join(programs, "git"), "w", encoding="utf-8") as f:
            f.write(f"#!/bin/bash\necho $$ >> {self.path('pids')}\nsleep 100000 & echo $! >> {self.path('pids')}; wait\n")
        os.chmod(os.path.join(programs, "git"), 0o755)
        return {"PATH": f"{programs}:{os.environ['PATH']}"}

    def pids(self):
        try:
            with open(self.path("pids"), encoding="utf-8") as f:
                return [int(line) for line in f.read().split()]
        except FileNotFoundError:
            return []

    def test_it_keeps_no_branch_from_being_seen_and_ends_with_the_hub(self):
        hub = self.serve(env=self.hanging_git())
        hub.start()
        wait_until(lambda: len(self.pids()) >= 2, "git hangs")
        subprocess.run(["git", "branch", "conversation-1"], cwd=self.repo, env=self.env, check=True)
        wait_until(lambda: "conversation-1" in self.ctl("watch", "--from", "0", "--no-follow", "--json").stdout,
                   "the branch is in the log")
        self.assertEqual(hub.terminate(), 0)
        for pid in self.pids():
            self.wait_gone(pid)


@unittest.skipUnless(seccomp_filter.usable(), "knows the system calls of x86-64 only")
class ALoopHangs(HubCase):
    """At the exchange of tickets.md."""

    UNDER = [sys.executable, hang_at.__file__, "renameat2"]

    def test_a_start_that_fails_ends_all_the_same(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            failed = subprocess.run([*self.UNDER, COORDHUB, "serve", "--repo", self.repo, "--tcp", f"127.0.0.1:{port}"],
                                    env=self.env, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=120,
                                    check=False)
        self.assertEqual(failed.returncode, REFUSED, failed.stderr)
        self.assertIn(f"127.0.0.1:{port}", failed.stderr)
        self.assertIn("a loop hangs", failed.stderr)

    def test_the_hub_serves_on_and_stops(self):
        hub = self.serve("--comms-interval", "200ms")
        hub.start(under=self.UNDER)
        self.ctl("ticket", "create", "--title", "served all the same")

        def stalled():
            return re.search(r"loop=comms .*state=STALLED", hub.log()) is not None

        wait_until(stalled, "the log says which loop is stalled")
        self.assertEqual(hub.terminate(), 0)
        self.assertIn("a loop hangs and cannot be stopped", hub.log())


if __name__ == "__main__":
    unittest.main(verbosity=1)
