#!/usr/bin/env python3
"""Repositories that are copied, moved, brought back and looked at from elsewhere: each has its own hub and no other's."""

import json
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hub_case import COORDCTL, NO_HUB, REFUSED, HubCase  # noqa: E402


class Elsewhere(HubCase):
    def copy(self, source, name):
        """`cp -a`."""
        target = self.path(name)
        subprocess.run(["cp", "-a", source, target], check=True)
        return target

    def run_ctl(self, *args, repo=None, env=None):
        return subprocess.run([COORDCTL, *args], cwd=repo or self.repo, env=dict(self.env, **(env or {})), text=True,
                              capture_output=True, timeout=60)

    def titles(self, repo=None):
        return [t["title"] for t in json.loads(self.ctl("ticket", "list", "--all", "--json", repo=repo).stdout)]

    def log_id(self, repo=None):
        done = self.coordhub("status", "--json", cwd=repo or self.repo)
        return json.loads(done.stdout)["log_id"]


class Copied(Elsewhere):
    def test_a_copy_does_not_use_the_hub_of_the_original(self):
        self.start()
        copy = self.copy(self.repo, "copy")
        done = self.run_ctl("ticket", "create", "--title", "meant for the copy", repo=copy)
        self.assertEqual(done.returncode, NO_HUB, done.stdout)
        self.assertEqual(self.run_ctl("hub", repo=copy).returncode, NO_HUB)
        self.assertEqual(self.run_ctl("debug", repo=copy).returncode, 1)
        self.assertEqual(self.coordhub("status", cwd=copy).returncode, NO_HUB)
        self.assertEqual(self.titles(), [])

    def test_a_copy_does_not_stop_the_hub_of_the_original(self):
        pid = self.start()
        copy = self.copy(self.repo, "copy")
        self.assertEqual(self.coordhub("stop", cwd=copy).returncode, NO_HUB)
        done = self.coordhub("restart", cwd=copy)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.status()["pid"], pid)
        self.assertNotEqual(self.status("--repo", copy)["pid"], pid)
        self.ctl("ticket", "create", "--title", "of the copy", repo=copy)
        self.assertEqual((self.titles(), self.titles(copy)), ([], ["of the copy"]))

    def test_a_copy_has_another_log_key_and_no_sessions(self):
        self.start("--tcp", "127.0.0.1:0")
        self.ctl("ticket", "create", "--title", "shared")
        token = self.path("token")
        self.ctl("agent", "register", "a", "--token-file", token)
        self.assertEqual(self.run_ctl("ticket", "claim", "1", env={"COORDHUB_SESSION": token}).returncode, 0)
        self.coordhub("stop")
        copy = self.copy(self.repo, "copy")
        self.start()
        self.start(cwd=copy)
        self.assertNotEqual(self.log_id(copy), self.log_id())
        secret = [open(os.path.join(r, ".git/coordhub/workspace.key"), encoding="utf-8").read() for r in (self.repo, copy)]
        self.assertNotEqual(*secret)
        # What the one gave out is nothing to the other; the tickets came along.
        self.assertEqual(self.run_ctl("me", env={"COORDHUB_SESSION": token}).returncode, 0)
        self.assertEqual(self.run_ctl("me", repo=copy, env={"COORDHUB_SESSION": token}).returncode, REFUSED)
        self.assertEqual(self.titles(copy), ["shared"])
        self.assertEqual(json.loads(self.ctl("ticket", "show", "1", "--json", repo=copy).stdout)["ticket"]["state"],
                         "STATE_OPEN")
        # Once: the copy is then itself.
        log_id = self.log_id(copy)
        self.coordhub("restart", cwd=copy)
        self.assertEqual(self.log_id(copy), log_id)

    def test_a_shell_in_a_copy_is_not_the_operator_for_having_been_an_agent(self):
        self.start()
        self.ctl("agent", "register", "a", "--ttl", "1h")
        self.coordhub("stop")
        copy = self.copy(self.repo, "copy")
        self.start(cwd=copy)
        for _ in range(2):
            done = self.run_ctl("ticket", "create", "--title", "x", repo=copy)
            self.assertEqual(done.returncode, REFUSED, done.stdout)
            self.assertIn("agent register", done.stderr)
        self.ctl("ticket", "list", repo=copy)
        self.ctl("agent", "register", "a", repo=copy)
        self.ctl("ticket", "create", "--title", "x", repo=copy)

    def test_a_state_directory_that_was_brought_back_is_a_copy(self):
        self.start()
        self.ctl("ticket", "create", "--title", "kept")
        before = self.log_id()
        self.coordhub("stop")
        backup = self.copy(self.state, "backup")
        self.start()
        self.ctl("ticket", "create", "--title", "lost")
        self.assertEqual(self.log_id(), before)
        self.coordhub("stop")
        shutil.rmtree(self.state)
        subprocess.run(["cp", "-a", backup, self.state], check=True)
        self.start()
        self.assertNotEqual(self.log_id(), before)
        self.assertEqual(self.titles(), ["kept"])

    def test_a_copy_whose_state_is_elsewhere_does_not_take_it_over(self):
        state = self.path("state")
        self.start("--state-dir", state)
        self.ctl("ticket", "create", "--title", "of the original")
        copy = self.copy(self.repo, "copy")
        self.assertEqual(self.run_ctl("ticket", "list", repo=copy).returncode, NO_HUB)
        self.assertEqual(self.coordhub("stop", cwd=copy).returncode, NO_HUB)
        self.coordhub("stop")
        for command in ("start", "restart"):
            done = self.coordhub(command, cwd=copy)
            self.assertEqual(done.returncode, REFUSED, done.stdout + done.stderr)
            self.assertIn("--state-dir", done.stderr)
        # What the mirror showed, if it was written by then, a hub on a new log would take in as somebody's lines.
        shutil.rmtree(os.path.join(copy, "shared_state"), ignore_errors=True)
        self.start("--state-dir", self.path("other"), cwd=copy)
        self.start()
        self.assertEqual((self.titles(), self.titles(copy)), (["of the original"], []))

    def test_one_journal_under_two_names_is_not_served_twice(self):
        self.start()
        self.coordhub("stop")
        copy = self.path("copy")
        subprocess.run(["cp", "-al", self.repo, copy], check=True)
        done = self.coordhub("start", cwd=copy)
        self.assertEqual(done.returncode, REFUSED, done.stdout + done.stderr)
        self.assertIn("hard link", done.stderr)


class Moved(Elsewhere):
    def move(self):
        moved = self.path("moved")
        os.rename(self.repo, moved)
        return moved

    def test_restart_in_a_moved_repository_serves_it_again(self):
        pid = self.start()
        self.ctl("agent", "register", "a", "--ttl", "1h")
        self.ctl("ticket", "create", "--title", "kept")
        before = self.log_id()
        moved = self.move()
        done = self.coordhub("restart", cwd=moved)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.wait_gone(pid)
        self.assertEqual(self.log_id(moved), before, "what is moved keeps its log")
        self.assertEqual(self.titles(moved), ["kept"])
        # And its sessions.
        created = json.loads(self.ctl("ticket", "create", "--title", "more", "--json", repo=moved).stdout)
        self.assertEqual(created["ticket"]["creator"], "a")

    def test_a_repository_that_is_moved_while_no_hub_runs_keeps_its_log(self):
        self.start()
        self.ctl("ticket", "create", "--title", "kept")
        before = self.log_id()
        self.coordhub("stop")
        moved = self.move()
        self.start(cwd=moved)
        self.assertEqual(self.log_id(moved), before)
        self.assertEqual(self.titles(moved), ["kept"])

    def test_restart_refuses_before_it_stops_what_it_could_not_start_again(self):
        pid = self.start()
        with open(os.path.join(self.state, "serve-options"), "ab") as f:
            f.write(b"--repo\0" + self.path("gone").encode() + b"\0")
        done = self.coordhub("restart")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("not stopped", done.stderr)
        self.assertTrue(self.is_coordhub(pid))

    def test_state_within_the_repository_moves_along(self):
        self.start("--state-dir", os.path.join(self.repo, "state"), "--no-mirror")
        self.ctl("ticket", "create", "--title", "kept")
        self.coordhub("stop")
        moved = self.move()
        self.start("--no-mirror", cwd=moved)
        self.assertEqual(self.titles(moved), ["kept"])


if __name__ == "__main__":
    unittest.main()
