#!/usr/bin/env python3
"""A holder that stands still does not look healthy: nobody beats for it, and its claim is called out."""

import json
import os
import select
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "e2e"))
import processes  # noqa: E402
from hub_process import COORDCTL, Hub, wait_until  # noqa: E402

REFUSED = 4


class HungHolder(unittest.TestCase):
    def start(self, *args):
        self.hub = Hub(args=args).start()
        self.addCleanup(self.hub.__exit__)
        self.hub.ctl("agent", "register", "conversation-1", "--ttl", "5s")
        self.hub.ctl("ticket", "create", "--title", "work")
        self.hub.ctl("ticket", "next")
        self.worker = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(self.worker.wait)
        self.addCleanup(self.worker.kill)
        self.holder = subprocess.Popen([COORDCTL, "agent", "hold", "--pid", str(self.worker.pid)], cwd=self.hub.repo,
                                       env=self.hub.env, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(self.holder.stderr.close)
        self.addCleanup(self.holder.wait)
        self.addCleanup(self.holder.kill)

    def ticket(self):
        return json.loads(self.hub.ctl("--as", "operator", "ticket", "show", "T-1", "--json").stdout)["ticket"]

    def test_a_stopped_process_is_not_kept_alive_and_that_is_said(self):
        self.start()
        # Longer than the TTL: the hold does keep it.
        select.select([self.holder.stderr], [], [], 7)
        self.assertEqual(self.ticket()["state"], "STATE_CLAIMED")
        processes.send(self.worker.pid, signal.SIGSTOP)
        self.assertIn(f"process {self.worker.pid} is stopped", self.holder.stderr.readline())
        wait_until(lambda: self.ticket()["state"] == "STATE_OPEN", "the claim is back in the queue", 20)
        self.assertEqual(self.holder.wait(timeout=20), REFUSED)

    def test_a_process_that_goes_on_in_time_keeps_its_session(self):
        self.start()
        processes.send(self.worker.pid, signal.SIGSTOP)
        self.assertIn(f"process {self.worker.pid} is stopped", self.holder.stderr.readline())
        processes.send(self.worker.pid, signal.SIGCONT)
        self.assertIn(f"process {self.worker.pid} goes on", self.holder.stderr.readline())
        select.select([self.holder.stderr], [], [], 7)
        self.assertIsNone(self.holder.poll())
        self.assertEqual(self.ticket()["state"], "STATE_CLAIMED")

    def test_status_and_debug_show_the_age_of_a_claim_and_the_last_sign_of_work(self):
        self.start()
        claim = json.loads(self.hub.ctl("status", "--json").stdout)["claims"][0]
        self.assertFalse(claim["old"])
        self.assertNotIn("lastWorkTime", claim)
        fence = claim["fence"]
        self.hub.ctl("ticket", "progress", "T-1", "--fence", fence, "--note", "half of it")
        wait_until(lambda: json.loads(self.hub.ctl("status", "--json").stdout)["claims"][0]["secondsHeld"] >= 1, "it ages")
        claim = json.loads(self.hub.ctl("status", "--json", "--claim-age", "1s").stdout)["claims"][0]
        self.assertTrue(claim["old"])
        self.assertIn("lastWorkTime", claim)
        self.assertIn(", LONG", self.hub.ctl("status", "--claim-age", "1s").stdout)
        findings = json.loads(self.hub.ctl("debug", "--json", "--claim-age", "1s", check=False).stdout)["findings"]
        self.assertTrue(any("T-1 (conversation-1, for " in f["what"] for f in findings), findings)
        bad = self.hub.ctl("status", "--claim-age", "soon", check=False)
        self.assertEqual(bad.returncode, 2)
        self.assertIn("--claim-age", bad.stderr)

    def test_a_claim_that_breathes_and_does_nothing_is_freed_by_the_hubs_claim_timeout(self):
        self.start("--claim-timeout", "3s")
        self.assertIn("3s", self.hub.ctl("hub").stdout)
        self.assertEqual(self.ticket()["claim"]["claimTimeout"], "3s")
        wait_until(lambda: self.ticket()["state"] == "STATE_OPEN", "the claim is back in the queue", 20)
        self.assertIsNone(self.holder.poll(), "the session itself lives")


if __name__ == "__main__":
    unittest.main(verbosity=1)
