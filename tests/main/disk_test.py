#!/usr/bin/env python3
"""A disk that fails under a running hub: with an I/O error it stops at once, when it is full the hub waits."""

import json
import os
import subprocess
import unittest

from hub_case import COORDCTL, FAILED, JOURNAL_FAILED, HubCase, wait_until

SHIM = os.path.join(os.environ["COORDHUB_BINARY_DIR"], "tests", "faults", "libcoordhub_faulty_io.so")


class DiskTest(HubCase):
    def setUp(self):
        super().setUp()
        self.faults = self.path("faults")
        self.hub = self.serve(env={"LD_PRELOAD": SHIM, "COORDHUB_FAULTS": self.faults})
        self.hub.start()

    def break_disk(self, what):
        """From now on, on the hub's own files."""
        with open(self.faults + ".new", "w", encoding="utf-8") as f:
            f.write(f"prefix {os.path.realpath(self.state)}\n{what}\n")
        os.rename(self.faults + ".new", self.faults)

    def heal(self):
        os.remove(self.faults)

    def create(self, title, *args):
        return subprocess.run([COORDCTL, "ticket", "create", "--title", title, *args], cwd=self.repo, env=self.env, text=True,
                              capture_output=True, check=False, timeout=60)

    def titles(self):
        return [ticket["title"] for ticket in json.loads(self.ctl("--json", "ticket", "list").stdout)]

    def check_io_error(self, fault):
        self.assertEqual(self.create("before").returncode, 0)
        self.break_disk(fault)
        lost = self.create("during", "--timeout", "3s")  # there is no hub to wait for
        self.assertNotEqual(lost.returncode, 0, "acknowledged what was not written")
        self.assertEqual(self.hub.process.wait(timeout=30), JOURNAL_FAILED)
        self.assertIn("the journal failed; the hub stops at once", self.hub.log())
        self.heal()
        self.hub.start()
        self.assertIn("before", self.titles())
        self.assertEqual(self.create("after").returncode, 0)
        self.ctl("hub", "verify")

    def test_an_fsync_error_stops_the_hub_and_nothing_is_acknowledged(self):
        self.check_io_error("fsync-eio")

    def test_a_write_error_stops_the_hub_and_nothing_is_acknowledged(self):
        self.check_io_error("write-eio")

    def test_on_a_full_disk_reads_go_on_and_writing_resumes_by_itself(self):
        self.assertEqual(self.create("before").returncode, 0)
        # From here, however late it begins.
        watch = subprocess.Popen([COORDCTL, "watch", "--json", "--from", str(self.status()["head_revision"])],
                                 cwd=self.repo, env=self.env, text=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.kill)
        self.break_disk("enospc")
        full = self.create("during")
        self.assertEqual(full.returncode, FAILED, full.stderr)
        self.assertIn("DISK_FULL", full.stderr)
        self.assertEqual(self.titles(), ["before"])
        self.assertNotEqual(self.status()["write_refusal"], "")
        self.assertIsNone(self.hub.process.poll())

        self.heal()
        # It is known to resume by a write that succeeds: one request, so that it is one ticket however often it is tried.
        wait_until(lambda: self.create("after", "--request-id", "after").returncode == 0, "writing resumes")
        self.assertEqual(self.titles(), ["before", "after"])
        self.assertEqual(self.status()["write_refusal"], "")
        while "after" not in watch.stdout.readline():
            self.assertIsNone(watch.poll(), "the watch ended")
        self.assertEqual(self.hub.terminate(), 0)
        self.hub.start()
        self.assertEqual(self.titles(), ["before", "after"])
        self.ctl("hub", "verify")


if __name__ == "__main__":
    unittest.main(verbosity=1)
