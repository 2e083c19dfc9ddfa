"""What tests of real hub processes share: a repository of their own, the commands, and tidying up."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import processes  # noqa: E402
from hub_process import BIN, COORDCTL, COORDHUB, Hub, clean_environment, make_repository, wait_until  # noqa: E402

USAGE, FAILED, REFUSED, NO_HUB, JOURNAL_FAILED = 2, 1, 4, 6, 70


class HubCase(unittest.TestCase):
    """Each test has the repository `repo` and may start hubs; none outlives it."""

    def setUp(self):
        self.directory = os.path.realpath(tempfile.mkdtemp(prefix="coordhub-life-"))  # as programs name it
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.repo = self.path("app")
        self.make_repository()
        self.state = os.path.join(self.repo, ".git", "coordhub")
        self.env = clean_environment()
        self.addCleanup(self.end_started_hubs)

    def make_repository(self):
        make_repository(self.repo)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def coordhub(self, *args, cwd=None, **kwargs):
        return subprocess.run([COORDHUB, *args], cwd=cwd or self.repo, env=self.env, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=120, **kwargs)

    def start(self, *args, cwd=None):
        """`coordhub start`, which must succeed; returns the pid of the hub."""
        done = self.coordhub("start", *args, cwd=cwd)
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stdout.split(" pid ")[1].split()[0])

    def serve(self, *args, env=None):
        """A `coordhub serve`, not started yet."""
        hub = Hub(repo=self.repo, args=args, env=env)
        self.addCleanup(hub.__exit__)
        return hub

    def end_started_hubs(self):
        """Whatever `start` left running in this test's directory."""
        for root, _, files in os.walk(self.directory):
            if "hub.pid" in files and "coordhub" in root:
                try:
                    with open(os.path.join(root, "hub.pid"), encoding="utf-8") as f:
                        pid = int(f.readline())
                    processes.send(pid, signal.SIGKILL, self.is_coordhub)
                except (FileNotFoundError, ProcessLookupError, ValueError):
                    continue  # it ends by itself just now, or the file is a test's

    @staticmethod
    def is_coordhub(pid):
        return processes.command_of(pid)[:2] == [b"coordhub", b"serve"]

    def wait_gone(self, pid):
        """Until it has ended and let go of its files; whether its parent has noticed is another matter."""
        def ended():
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                    return f.read().rpartition(")")[2].split()[0] in ("Z", "X")
            except (FileNotFoundError, ProcessLookupError):
                return True

        wait_until(ended, f"process {pid} has ended")

    def endpoint(self, state=None):
        """What the endpoint file says, with the socket's path, which it names from its own place."""
        state = state or self.state
        with open(os.path.join(state, "endpoint"), encoding="utf-8") as f:
            endpoint = json.load(f)
        socket = endpoint["endpoint"].removeprefix("unix:")
        endpoint["endpoint"] = "unix:" + os.path.normpath(os.path.join(state, socket))
        return endpoint

    def status(self, *args):
        done = self.coordhub("status", "--json", *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def wait_until_mirrored(self):
        def current():
            status = self.status()
            return status["mirrored_revision"] == status["head_revision"]

        wait_until(current, "shared_state/ is current")

    def tickets(self, *args):
        """Tickets by state, without the states that none is in."""
        return {state: count for state, count in self.status(*args)["tickets"].items() if count}

    def ctl(self, *args, repo=None):
        return subprocess.run([COORDCTL, *args], cwd=repo or self.repo, env=self.env, text=True, capture_output=True,
                              check=True, timeout=60)
