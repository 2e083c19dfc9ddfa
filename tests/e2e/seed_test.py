#!/usr/bin/env python3
"""The scripts of the time before the hub, beside the hub: they see what they always saw, and stop it as they always did."""

import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "main"))
from hub_case import BIN, HubCase, wait_until  # noqa: E402
from seed_scripts import PID_FILES, Seed  # noqa: E402

NAMES = ("Background Monitor", "Conversation Coordinator", "Communication Daemon")
TITLES = ["Mend the fence", "Paint it: ticket: red", "Feed the `cat` * twice", "Fence\u202e, the other", "- [x] not done"]


class SeedCase(HubCase):
    def setUp(self):
        super().setUp()
        self.make_branches()
        self.hand_made = self.path("hand-made")
        shutil.copytree(self.repo, self.hand_made)
        with open(os.path.join(self.hand_made, ".git", "info", "exclude"), "a", encoding="utf-8") as f:
            f.write("/shared_state\n")

    def make_branches(self):
        for branch in ("conversation-1", "conversation-2", "task-3", "other"):
            subprocess.run(["git", "-C", self.repo, "branch", branch], check=True, env=self.env)
        for name in ("changed", "new file"):
            with open(os.path.join(self.repo, name), "w", encoding="utf-8") as f:
                f.write("work\n")

    def seed(self, repo, name, **kwargs):
        seed = Seed(repo, self.path("tmp-" + name), self.env, **kwargs)
        self.addCleanup(seed.end)
        return seed

    def write_by_hand(self, lines):
        """shared_state/ as people and scripts kept it."""
        shared = os.path.join(self.hand_made, "shared_state")
        os.makedirs(shared, exist_ok=True)
        with open(os.path.join(shared, "tickets.md"), "w", encoding="utf-8") as f:
            f.writelines(f"- [2025-07-29 12:00:{n:02}] ticket: {title}\n" for n, title in enumerate(lines))
        with open(os.path.join(shared, "status.md"), "w", encoding="utf-8") as f:
            f.write("# Current State Across Conversations\n")

    def create(self, titles):
        for title in titles:
            self.ctl("ticket", "create", "--title", title.replace("\u202e", ""))

    def observe(self, repo, name):
        """What the loops log about `repo`, the first steps of each."""
        # A second in which no ticket came: one that came in the second of a step would be told as new.
        seed = self.seed(repo, name, date="2030-01-01 00:00:00")
        seed.start_loops()
        logs = ("background_monitor.log", "conversation_coordinator.log", "communication_daemon.log")
        wait_until(lambda: all(len(seed.blocks(log)) >= 2 for log in logs), "each loop has made two steps")
        self.assertEqual(seed.status(), [f"✓ {n}: RUNNING (PID: {p})" for n, p in zip(NAMES, seed.pids())])
        seed.stop()
        return [seed.blocks(log)[:2] for log in logs]

    def compare(self, lines, name):
        self.write_by_hand(lines)
        by_hand = self.observe(self.hand_made, name + "-hand")
        from_hub = self.observe(self.repo, name + "-hub")
        self.assertEqual(from_hub, by_hand)
        return from_hub


class Loops(SeedCase):
    def test_they_print_from_the_hubs_files_what_they_print_from_files_made_by_hand(self):
        self.start()
        self.create(TITLES)
        self.wait_until_mirrored()
        monitor, coordinator, daemon = self.compare(TITLES, "some")
        self.assertEqual(monitor[0], "System Status Check\n  - Git status: 2 files changed\n"
                                     "  - Working directory: WORKTREE\n  - Current branch: main\n"
                                     "  - Shared state directory: EXISTS\n  - Tickets pending: 5\n")
        self.assertEqual(coordinator[0], "Conversation Coordinator Check\n  - Active tickets: 5\n"
                                         "  - Active conversation branches: 3\n")
        self.assertEqual(daemon[0], "Updating shared status\n")

        # Finished work is no longer counted, whoever counts.
        for ticket in ("T-1", "T-4"):
            self.ctl("ticket", "cancel", ticket)
        subprocess.run(["git", "-C", self.repo, "branch", "-D", "-q", "task-3"], check=True, env=self.env)
        subprocess.run(["git", "-C", self.hand_made, "branch", "-D", "-q", "task-3"], check=True, env=self.env)
        self.wait_until_mirrored()
        monitor, coordinator, _ = self.compare([TITLES[1], TITLES[2], TITLES[4]], "fewer")
        self.assertIn("Tickets pending: 3\n", monitor[0])
        self.assertIn("Active tickets: 3\n  - Active conversation branches: 2\n", coordinator[0])

    def test_without_a_ticket_they_print_the_same(self):
        self.start()
        self.wait_until_mirrored()
        self.compare([], "none")

    def test_an_open_round_is_active_convergence_and_one_that_is_over_is_not(self):
        def mirrored(state):
            subprocess.run([os.path.join(BIN, "mirror_of_round"), os.path.join(self.repo, "shared_state"), state, *TITLES],
                           check=True, env=self.env)
            return self.compare(TITLES, "round-" + state)[1][0]

        with open(os.path.join(self.repo, ".git", "info", "exclude"), "a", encoding="utf-8") as f:
            f.write("/shared_state\n")
        self.write_by_hand(TITLES)
        convergence = os.path.join(self.hand_made, "shared_state", "convergence.md")
        with open(convergence, "w", encoding="utf-8") as f:
            f.write("# Convergence\n")
        self.assertIn("  - Convergence coordination: ACTIVE\n", mirrored("open"))
        os.remove(convergence)
        self.assertNotIn("Convergence", mirrored("over"))

    def test_new_tickets_are_seen_in_the_second_in_which_they_come(self):
        self.start()
        batch = self.path("batch.md")
        with open(batch, "w", encoding="utf-8") as f:
            f.write("- one\n- two\n- three\n")
        self.ctl("ticket", "import", batch)
        self.wait_until_mirrored()
        with open(os.path.join(self.repo, "shared_state", "tickets.md"), encoding="utf-8") as f:
            second = f.readline().split("[")[1].split("]")[0]
        seed = self.seed(self.repo, "new", date=second)
        seed.start_loops()
        wait_until(lambda: len(seed.blocks("communication_daemon.log")) >= 2, "the daemon has made a step")
        seed.stop()
        self.assertEqual(seed.blocks("communication_daemon.log")[0], "Processing 3 new tickets\n")

    def test_what_their_daemon_writes_is_put_right(self):
        self.start()
        self.wait_until_mirrored()
        seed = self.seed(self.repo, "daemon")
        seed.start_loops()
        wait_until(lambda: len(seed.blocks("communication_daemon.log")) >= 3, "the daemon has written three times")
        seed.stop()

        def ours():
            with open(os.path.join(self.repo, "shared_state", "status.md"), encoding="utf-8") as f:
                return "Agents" in f.read()

        wait_until(ours, "status.md is the hub's again", 60)
        self.assertEqual(self.status()["mirror_problem"], "")


class PidFiles(SeedCase):
    def setUp(self):
        super().setUp()
        self.scripts = self.seed(self.repo, "pids")

    def hub(self):
        return self.serve("--pid-dir", self.scripts.directory)

    def test_their_status_check_sees_the_hub(self):
        self.assertEqual(self.scripts.status(), [f"✗ {n}: NOT STARTED (no PID file)" for n in NAMES])
        hub = self.hub().start()
        pid = hub.process.pid
        self.assertEqual(self.scripts.status(), [f"✓ {n}: RUNNING (PID: {pid})" for n in NAMES])
        hub.kill()
        self.assertEqual(self.scripts.status(),
                         [f"✗ {n}: DEAD (PID file exists but process not running)" for n in NAMES])
        hub.start()
        self.assertEqual(self.scripts.pids(), [hub.process.pid] * 3, "what a killed hub left stops nobody")
        self.assertEqual(hub.terminate(), 0)
        self.assertEqual(self.scripts.status(), [f"✗ {n}: NOT STARTED (no PID file)" for n in NAMES])

    def test_their_stop_command_stops_it_gracefully_and_loses_nothing(self):
        hub = self.hub().start()
        answers = self.path("answers")
        with open(answers, "wb") as out:
            writer = subprocess.Popen([os.path.join(BIN, "load_writer"), "--endpoint", hub.endpoint["endpoint"],
                                       "--name", "load"], stdout=out, stdin=subprocess.DEVNULL, env=self.env)
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        wait_until(lambda: os.path.getsize(answers) > 1000, "the writer is answered")
        printed = self.scripts.stop()
        # A hub that is gone before the script comes to the next file has taken that file along.
        self.assertIn(printed.count(f"Stopping process (PID: {hub.process.pid})"), (1, 2, 3), printed)
        self.assertIn("All background processes stopped", printed)
        self.assertEqual(hub.process.wait(timeout=60), 0, hub.log())
        for name in ("endpoint", "hub.pid", "hub.sock"):
            self.assertFalse(os.path.exists(os.path.join(self.state, name)), name)
        self.assertEqual(self.scripts.pids(), [])

        hub.start()
        size = os.path.getsize(answers)
        wait_until(lambda: os.path.getsize(answers) > size, "the writer goes on")
        writer.send_signal(signal.SIGTERM)
        self.assertEqual(writer.wait(timeout=60), 0)
        states = {t["title"]: t["state"] for t in json.loads(self.ctl("ticket", "list", "--all", "--json").stdout)}
        with open(answers, encoding="utf-8") as f:
            for answer in f.read().splitlines():
                what, title = answer.split()
                self.assertIn(title, states, f"'{answer}' was lost")
                if what == "cancelled":
                    self.assertEqual(states[title], "STATE_CANCELLED", f"'{answer}' was lost")
        self.assertEqual(hub.terminate(), 0)

    def test_files_of_a_loop_that_runs_are_not_taken_over(self):
        self.scripts.start_loops()
        monitor = self.scripts.pids()[0]
        refused = self.coordhub("start", "--pid-dir", self.scripts.directory)
        self.assertEqual(refused.returncode, 4, refused.stderr)
        self.assertIn(PID_FILES[0], refused.stderr)
        self.assertIn(f"pid {monitor}", refused.stderr)
        self.assertEqual(self.scripts.pids()[0], monitor)
        self.assertFalse(os.path.exists(os.path.join(self.state, "endpoint")))
        self.scripts.stop()
        self.start("--pid-dir", self.scripts.directory)


if __name__ == "__main__":
    unittest.main(verbosity=1)
