"""A real hub for end-to-end tests: a temporary repository, the built `coordhub`, and waiting without sleeping blindly."""

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

BIN = os.path.join(os.environ["COORDHUB_BINARY_DIR"], "bin")
COORDHUB = os.path.join(BIN, "coordhub")
COORDCTL = os.path.join(BIN, "coordctl")


def clean_environment():
    """The environment without what would lead a client to another hub, or git elsewhere. A deliberate fault stays."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("COORDHUB_", "GIT_")) or k == "COORDHUB_MUTANT"}
    # Whatever the user and the machine have set up (hooks, signatures, other names) is not what is tested.
    return dict(env, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1")


def wait_until(condition, what, seconds=30.0):
    """Polls a condition that has no file descriptor to wait on; fails with a sentence."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"timed out waiting until {what}")
        select.select([], [], [], 0.01)


def make_repository(path):
    env = dict(clean_environment(), GIT_AUTHOR_NAME="t", GIT_AUTHOR_EMAIL="t@example.invalid",
               GIT_COMMITTER_NAME="t", GIT_COMMITTER_EMAIL="t@example.invalid")
    subprocess.run(["git", "init", "-q", "-b", "main", path], check=True, env=env)
    subprocess.run(["git", "-C", path, "commit", "-q", "--allow-empty", "-m", "first"], check=True, env=env)


class Hub:
    """`coordhub serve` on one repository."""

    def __init__(self, repo=None, args=(), env=None):
        self.directory = os.path.realpath(tempfile.mkdtemp(prefix="coordhub-e2e-"))  # as programs name it
        self.repo = repo or os.path.join(self.directory, "repo")
        if repo is None:
            make_repository(self.repo)
        self.args = list(args)
        self.env = dict(clean_environment(), **(env or {}))
        self.state = os.path.join(self.repo, ".git", "coordhub")
        self.process = None
        self.log_path = os.path.join(self.directory, "hub.log")

    def start(self, under=()):
        """`under`: a command that runs another one."""
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([*under, COORDHUB, "serve", "--repo", self.repo, *self.args], stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL, env=self.env)
        log.close()
        wait_until(self._ready, "the hub is ready; log:\n" + self.log()[-2000:])
        return self

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the hub ended with {self.process.returncode}:\n{self.log()[-4000:]}")
        try:
            with open(os.path.join(self.state, "endpoint"), encoding="utf-8") as f:
                endpoint = json.load(f)
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        # The file names the socket from its own place.
        socket = os.path.join(self.state, endpoint["endpoint"].removeprefix("unix:"))
        self.endpoint = dict(endpoint, endpoint="unix:" + os.path.normpath(socket))
        return self.endpoint["pid"] == self.process.pid

    def log(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    @property
    def socket(self):
        return self.endpoint["endpoint"].removeprefix("unix:")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def ctl(self, *args, check=True, env=None, **kwargs):
        kwargs.setdefault("cwd", self.repo)
        return subprocess.run([COORDCTL, *args], env=dict(self.env, **(env or {})), text=True, capture_output=True,
                              check=check, **kwargs)

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
