#!/usr/bin/env python3
"""A disk that fails under a running hub: with an I/O error it stops at once, when it is full the hub waits."""

import errno
import json
import os
import signal
import subprocess
import unittest

from hub_case import COORDCTL, FAILED, JOURNAL_FAILED, HubCase, make_repository, processes, wait_until

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


class FullTmpfs(HubCase):
    """A repository on a file system of its own without any room left."""

    def make_repository(self):
        os.mkdir(self.repo)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", self.repo], capture_output=True,
                                 check=False)
        if mounted.returncode != 0:
            self.skipTest("needs the right to mount a tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", self.repo], check=True)
        make_repository(self.repo)

    def fill(self):
        path = os.path.join(self.repo, "filler")
        with open(path, "ab", buffering=0) as f:
            for size in (1 << 20, 4096):
                try:
                    while f.write(b"x" * size) == size:
                        pass
                except OSError as error:
                    self.assertEqual(error.errno, errno.ENOSPC)
        return path

    def test_after_a_kill_on_a_full_tmpfs_the_hub_starts_and_serves_reads(self):
        pid = self.start()
        self.ctl("ticket", "create", "--title", "kept")
        processes.send(pid, signal.SIGKILL)
        self.wait_gone(pid)
        filler = self.fill()
        again = self.start()
        self.assertEqual(self.endpoint()["pid"], again)
        self.fill()  # what the start gave back
        self.assertEqual(json.loads(self.ctl("--json", "ticket", "list").stdout)[0]["title"], "kept")
        refused = subprocess.run([COORDCTL, "ticket", "create", "--title", "too much" * 50], cwd=self.repo, env=self.env,
                                 text=True, capture_output=True, check=False, timeout=60)
        if refused.returncode != 0:
            self.assertIn("DISK_FULL", refused.stderr)
        os.unlink(filler)
        wait_until(lambda: subprocess.run([COORDCTL, "ticket", "create", "--title", "after", "--request-id", "after"],
                                          cwd=self.repo, env=self.env, capture_output=True, check=False,
                                          timeout=60).returncode == 0, "writing resumes")
        self.assertIn(f"(pid {again})", self.coordhub("stop").stdout)


if __name__ == "__main__":
    unittest.main(verbosity=1)
