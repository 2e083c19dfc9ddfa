#!/usr/bin/env python3
"""Start, stop and restart, again and again, while a client writes all the time: nothing is left behind, nothing is lost.

  tests/main/cycle_test.py                as in the default test run
  tests/main/cycle_test.py --cycles 200   the full one (ctest label `long`)
"""

import argparse
import fcntl
import json
import math
import os
import signal
import subprocess
import sys
import unittest

from hub_case import BIN, HubCase, wait_until

DEFAULT_CYCLES = 10
PID_FILES = ("background_monitor.pid", "conversation_coordinator.pid", "communication_daemon.pid")


class Cycles(HubCase):
    cycles = DEFAULT_CYCLES

    def setUp(self):
        super().setUp()
        self.pids = self.path("pids")
        os.mkdir(self.pids)
        self.answers_path = self.path("answers")

    def start_writer(self):
        with open(self.answers_path, "wb") as answers:
            writer = subprocess.Popen(
                [os.path.join(BIN, "load_writer"), "--endpoint", self.endpoint()["endpoint"], "--name", "load"],
                stdin=subprocess.DEVNULL, stdout=answers, stderr=subprocess.PIPE, env=self.env)
        self.addCleanup(writer.stderr.close)
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        return writer

    def answers(self):
        with open(self.answers_path, encoding="utf-8") as f:
            return f.read().splitlines()

    def wait_for_answers(self, writer):
        """Until the hub that runs now has answered the writer."""
        before = os.path.getsize(self.answers_path)

        def more():
            self.assertIsNone(writer.poll(), "the writer goes on")
            return os.path.getsize(self.answers_path) > before

        wait_until(more, "the writer is answered")

    def restart(self):
        done = self.coordhub("restart", "--json", "--timeout", "60")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["pid"]

    def stop(self):
        done = self.coordhub("stop", "--timeout", "60")
        self.assertEqual(done.returncode, 0, done.stderr)

    def hubs_here(self):
        """The hubs of this test's repository that have not ended."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit() and self.is_coordhub(int(entry)) and self.serves_here(entry):
                found.append(int(entry))
        # What a hub starts (git) looks like it until it is the program that it becomes.
        return [pid for pid in found if self.parent_of(pid) not in found]

    @staticmethod
    def parent_of(pid):
        """None: it has ended."""
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                return int(f.read().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            return None

    def serves_here(self, pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                return self.repo.encode() in f.read()
        except (FileNotFoundError, ProcessLookupError):
            return False

    def check_running(self, pid):
        self.assertEqual(self.hubs_here(), [pid])
        self.assertEqual(self.endpoint()["pid"], pid)
        for name in PID_FILES:
            with open(os.path.join(self.pids, name), encoding="utf-8") as f:
                self.assertEqual(f.read(), f"{pid}\n")

    @staticmethod
    def descriptors_of(pid, most):
        """How many it has, once they are not more than `most`: what is open for git or a file goes again, a leak stays."""
        counts = []

        def few():
            counts.append(len(os.listdir(f"/proc/{pid}/fd")))
            return counts[-1] <= most

        wait_until(few, f"the hub has no more than {most} descriptors")
        return counts[-1]

    def processes_here(self):
        """Everything that works in this test's repository or was told of it (git, whatever it started), but for the writer."""
        found = {}
        for entry in os.listdir("/proc"):
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as f:
                    command = f.read()
                where = os.readlink(f"/proc/{entry}/cwd")
            except OSError:  # no process, or one that has ended
                continue
            if b"load_writer" not in command and (self.repo.encode() in command or where.startswith(self.repo)):
                found[int(entry)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found

    def check_nothing_left(self):
        self.assertEqual(self.hubs_here(), [])
        self.assertEqual(self.processes_here(), {})
        self.assertEqual(os.listdir(self.pids), [])
        left = set(os.listdir(self.state))
        self.assertFalse(left & {"endpoint", "hub.pid", "hub.sock"}, left)
        temporary = [name for directory in (self.state, os.path.join(self.repo, "shared_state"))
                     for name in os.listdir(directory) if ".tmp" in name]
        self.assertEqual(temporary, [])
        with open(os.path.join(self.state, "lock"), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with open("/proc/net/unix", encoding="utf-8") as f:
            self.assertNotIn(self.state, f.read())

    def check_nothing_lost(self):
        """Each answer that the writer got is the truth, and each ticket was made once."""
        listed = json.loads(self.ctl("ticket", "list", "--all", "--json").stdout)
        tickets = listed["tickets"] if isinstance(listed, dict) else listed
        states = {}
        for ticket in tickets:
            self.assertNotIn(ticket["title"], states, "made twice")
            states[ticket["title"]] = ticket["state"]
        answers = self.answers()
        for answer in answers:
            what, title = answer.split()
            self.assertIn(title, states, f"'{answer}' was lost")
            if what == "cancelled":
                self.assertEqual(states[title], "STATE_CANCELLED", f"'{answer}' was lost")
        return len(answers)

    def test_nothing_is_left_behind_and_nothing_is_lost(self):
        pid = self.start("--pid-dir", self.pids)
        writer = self.start_writer()
        descriptors = []
        for cycle in range(self.cycles):
            if cycle > 0:
                pid = self.start("--pid-dir", self.pids)
            self.wait_for_answers(writer)
            self.check_running(pid)
            again = self.restart()
            self.assertNotEqual(again, pid)
            self.wait_for_answers(writer)
            self.check_running(again)
            # A hub that inherits something from the one before it has more of them each time.
            descriptors.append(self.descriptors_of(again, min(descriptors, default=math.inf) + 8))
            self.stop()
            self.check_nothing_left()
        self.start("--pid-dir", self.pids)
        self.wait_for_answers(writer)
        writer.send_signal(signal.SIGTERM)
        self.assertEqual(writer.wait(timeout=60), 0, "the writer failed")
        answers = self.check_nothing_lost()
        self.stop()
        self.check_nothing_left()
        print(f"{self.cycles} cycles of start, restart, stop; {answers} answers, none lost; "
              f"{min(descriptors)} to {max(descriptors)} descriptors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=DEFAULT_CYCLES)
    arguments, rest = parser.parse_known_args()
    Cycles.cycles = arguments.cycles
    unittest.main(argv=[sys.argv[0], *rest], verbosity=1)
