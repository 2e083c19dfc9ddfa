#!/usr/bin/env python3
"""Worktrees that a real hub makes and removes, beside people who do the same by hand."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hub_process import COORDCTL, Hub, clean_environment, wait_until  # noqa: E402

OK, REFUSED = 0, 4


def checksums(directory):
    """Every file and link below it, to the byte."""
    sums = {}
    for top, _, files in os.walk(directory):
        for name in files:
            path = os.path.join(top, name)
            if os.path.islink(path):
                sums[path] = os.readlink(path)
                continue
            with open(path, "rb") as f:
                sums[path] = hashlib.sha256(f.read()).hexdigest()
    return sums


class Worktrees(unittest.TestCase):
    def setUp(self):
        self.hub = Hub()
        self.addCleanup(self.hub.__exit__)
        for i in range(50):
            self.write(f"src/{i}", f"{i}\n" * 1000)
        self.git("add", "-A")
        self.git("commit", "-qm", "files")
        self.hub.start()

    def write(self, path, text, top=None):
        path = os.path.join(top or self.hub.repo, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def git(self, *args, top=None):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
        done = subprocess.run(["git", *identity, *args], cwd=top or self.hub.repo, env=clean_environment(), text=True,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def ctl(self, *args, code=OK, **kwargs):
        done = self.hub.ctl(*args, check=False, **kwargs)
        self.assertEqual(done.returncode, code, f"{args}: {done.stdout}{done.stderr}")
        return done

    def add(self, *args):
        return json.loads(self.ctl("worktree", "add", *args, "--json").stdout)["worktree"]["path"]

    def branches_of_worktrees(self):
        return {line.removeprefix("branch refs/heads/") for line in self.git("worktree", "list", "--porcelain").splitlines()
                if line.startswith("branch ")}

    def expect_sane(self):
        self.assertEqual(self.git("fsck", "--no-progress"), "")
        self.assertEqual(self.git("worktree", "prune", "-v"), "")
        self.assertNotIn("locked", self.git("worktree", "list", "--porcelain"))
        for line in self.git("worktree", "list", "--porcelain").splitlines():
            if line.startswith("worktree "):
                self.assertEqual(self.git("status", "--porcelain", top=line.removeprefix("worktree ")), "")
        rests = [os.path.join(top, name) for top, names, _ in os.walk(self.hub.directory) for name in names
                 if name.startswith((".coordhub-", "worktree-"))]
        self.assertEqual(rests, [])

    def test_twenty_at_once_beside_a_loop_by_hand(self):
        stop = threading.Event()
        by_hand, failures = [], []

        def hand():
            while not stop.is_set() or not by_hand:
                name = f"hand-{len(by_hand)}"
                done = subprocess.run(["git", "worktree", "add", "-b", name, os.path.join(self.hub.directory, name)],
                                      cwd=self.hub.repo, env=clean_environment(), text=True, capture_output=True, check=False)
                by_hand.append(name)
                if done.returncode != 0:
                    failures.append(done.stderr)
        loop = threading.Thread(target=hand)
        loop.start()
        adds = [subprocess.Popen([COORDCTL, "worktree", "add", f"task-{i}"], cwd=self.hub.repo, env=self.hub.env,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for i in range(20)]
        for process in adds:
            _, err = process.communicate(timeout=120)
            if process.returncode != 0:
                failures.append(err)
        stop.set()
        loop.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.branches_of_worktrees(), {"main", *by_hand, *(f"task-{i}" for i in range(20))})
        # Every one is listed at once, and has its link.
        listed = {w["branch"]: w for w in json.loads(self.ctl("worktree", "list", "--json").stdout)}
        for i in range(20):
            path = listed[f"task-{i}"]["path"]
            self.assertEqual(os.readlink(os.path.join(path, "shared_state")), os.path.join(self.hub.repo, "shared_state"))
            self.assertTrue(os.path.exists(os.path.join(path, "shared_state", "tickets.md")))
        self.expect_sane()

    def test_what_is_not_committed_is_never_lost(self):
        path = self.add("task-1")
        self.write("src/1", "mine\n", path)
        self.write("new/file", "mine, too\n", path)
        before = checksums(path)
        for arguments in ([], ["--allow-unmerged"], ["--timeout", "5s"]):
            done = self.ctl("worktree", "remove", path, *arguments, code=REFUSED)
            self.assertIn("2 files are changed or untracked (src/1, new/file)", done.stderr)
            self.assertEqual(checksums(path), before)
        self.git("add", "-A", top=path)
        self.git("commit", "-qm", "mine", top=path)
        self.assertIn("lacks 1 commit", self.ctl("worktree", "remove", path, code=REFUSED).stderr)
        self.git("merge", "-q", "task-1")
        done = self.ctl("worktree", "remove", path)
        self.assertIn("branch task-1 stays", done.stderr)
        self.assertFalse(os.path.exists(path))
        self.assertIn("task-1", self.git("branch", "--list"))
        self.expect_sane()

    def test_an_agent_has_it_to_itself(self):
        path = self.add("--agent", "conversation-1")

        def there(*args):
            return subprocess.run([COORDCTL, *args], cwd=path, env=self.hub.env, text=True, capture_output=True, check=False)
        self.assertEqual(there("agent", "register", "conversation-1", "--ttl", "10m").returncode, OK)
        listed = {w["path"]: w for w in json.loads(self.ctl("worktree", "list", "--json").stdout)}
        self.assertEqual(listed[path]["ownerAgentId"], "conversation-1")
        second = there("agent", "register", "conversation-2")
        self.assertEqual(second.returncode, REFUSED)
        self.assertIn("conversation-1 works in", second.stderr)
        self.assertIn("WORKTREE_HELD", self.ctl("worktree", "remove", path, code=REFUSED).stderr)
        self.assertEqual(there("agent", "register", "conversation-2", "--share-worktree").returncode, OK)
        for name in ("conversation-1", "conversation-2"):
            self.ctl("--as", "operator", "agent", "leave", name)
        self.ctl("worktree", "remove", path)

    def test_a_kill_in_the_middle_leaves_whole_worktrees_only(self):
        # So much that there is a middle.
        for i in range(2000):
            self.write(f"many/{i % 20}/{i}", f"{i}\n" * 100)
        self.git("add", "-A")
        self.git("commit", "-qm", "many")
        for kill in range(4):
            adds = [subprocess.Popen([COORDCTL, "worktree", "add", f"task-{kill}-{i}"], cwd=self.hub.repo, env=self.hub.env,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for i in range(6)]
            # After as many as there are kills, in the middle of the next.
            wait_until(lambda: sum(f"task-{kill}-" in b for b in self.branches_of_worktrees()) >= kill, "some are made")
            self.hub.kill()
            self.hub.start()
            for process in adds:
                process.wait(timeout=120)  # each repeats its request
            running = lambda: json.loads(self.ctl("operation", "list", "--state", "running", "--json").stdout)  # noqa: E731
            wait_until(lambda: not running(), "what was under way is over")
            self.expect_sane()
            # One that is there is whole and has its branch; one that is not has left nothing.
            there = self.branches_of_worktrees()
            for i in range(6):
                path = os.path.join(self.hub.directory, "repo-worktrees", f"task-{kill}-{i}")
                self.assertEqual(os.path.exists(path), f"task-{kill}-{i}" in there)
                self.assertEqual(f"task-{kill}-{i}" in self.git("branch", "--list", f"task-{kill}-{i}"), os.path.exists(path))
                if os.path.exists(path):
                    self.assertTrue(os.path.exists(os.path.join(path, "many/19/1999")))
                    self.assertTrue(os.path.islink(os.path.join(path, "shared_state")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
