#!/usr/bin/env python3
"""The wall clock of a hub's machine is set, or stood still while it slept: what is a time of day follows it, what is a span
does not."""

import datetime
import json
import os
import struct
import subprocess
import time
import unittest

from hub_case import COORDCTL, HubCase

LIBRARY = os.path.join(os.environ["COORDHUB_BINARY_DIR"], "tests", "faults", "libcoordhub_wall_clock.so")
HOUR = 3600


class WallClock(HubCase):
    def setUp(self):
        super().setUp()
        self.clock = self.path("clock")
        with open(self.clock, "wb") as f:
            f.write(struct.pack("=q", 0))
        self.hub = self.serve().start(under=["env", "LD_PRELOAD=" + LIBRARY, "COORDHUB_WALL_CLOCK=" + self.clock])

    def set_clock(self, seconds):
        """This far from the machine's, at once."""
        with open(self.clock, "r+b") as f:
            f.write(struct.pack("=q", seconds))

    def claim_next(self, wait):
        return subprocess.Popen([COORDCTL, "ticket", "next", "--wait", wait, "--json"], cwd=self.repo, env=self.env, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_a_call_s_deadline_is_not_touched_by_the_wall_clock(self):
        for seconds in (-2 * HOUR, 2 * HOUR, -24 * HOUR, 0):
            self.set_clock(seconds)
            for number in range(5):
                done = subprocess.run([COORDCTL, "ticket", "create", "--title", f"{seconds} {number}", "--timeout", "30s"],
                                      cwd=self.repo, env=self.env, text=True, capture_output=True, check=False)
                self.assertEqual(done.returncode, 0, f"clock {seconds}: {done.stderr}")

    def test_not_before_is_due_when_the_clock_is_set_or_the_machine_slept(self):
        self.ctl("agent", "register", "conversation-1", "--ttl", "10m")
        due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=8)
        self.ctl("ticket", "create", "--title", "at nine", "--not-before", due.strftime("%Y-%m-%dT%H:%M:%SZ"))
        waiting = self.claim_next("2m")
        self.addCleanup(waiting.wait)
        self.addCleanup(waiting.kill)
        early = self.claim_next("0s")
        out, _ = early.communicate(timeout=60)
        self.assertEqual(early.returncode, 5, out)
        # As if it had slept: the wall clock ran on, monotonic time did not.
        self.set_clock(8 * HOUR)
        began = time.monotonic()
        out, err = waiting.communicate(timeout=60)
        self.assertEqual(waiting.returncode, 0, err)
        self.assertEqual(json.loads(out)["ticket"]["title"], "at nine")
        self.assertLess(time.monotonic() - began, 10)

    def test_a_back_off_lasts_as_long_as_it_lasts(self):
        self.ctl("agent", "register", "conversation-1", "--ttl", "10m")
        self.ctl("ticket", "create", "--title", "again")
        fence = json.loads(self.ctl("ticket", "next", "--json").stdout)["ticket"]["claim"]["fence"]
        self.ctl("ticket", "fail", "T-1", "--fence", str(fence), "--reason", "no", "--retry-delay", "3s")
        failed = time.monotonic()
        self.set_clock(-2 * HOUR)
        waiting = self.claim_next("2m")
        out, err = waiting.communicate(timeout=100)
        self.assertEqual(waiting.returncode, 0, err)
        self.assertLess(time.monotonic() - failed, 60, "it waited for the wall clock")
        fence = json.loads(out)["ticket"]["claim"]["fence"]
        self.ctl("ticket", "fail", "T-1", "--fence", str(fence), "--reason", "no", "--retry-delay", "10m")
        self.set_clock(2 * HOUR)
        self.assertEqual(self.claim_next("0s").wait(timeout=60), 5, "it is not over because the clock says so")


if __name__ == "__main__":
    unittest.main(verbosity=1)
