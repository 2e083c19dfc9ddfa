#!/usr/bin/env python3
"""What a hub writes down: its own log, and those of its loops."""

import fcntl
import glob
import json
import os
import re
import select
import stat
import subprocess
import unittest

from hub_case import COORDCTL, HubCase, wait_until

STAMP = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] "
PAGE = 4096
FAST = ("--monitor-interval", "200ms", "--coordinator-interval", "200ms", "--comms-interval", "200ms")


def read(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return ""


class Logs(HubCase):
    def setUp(self):
        super().setUp()
        self.logs = self.path("logs")

    def log(self, name):
        return os.path.join(self.logs, name)

    def hub_log(self):
        """Its whole lines; the last one may still be written."""
        return [json.loads(line) for line in read(self.log("hub.log")).split("\n")[:-1]]

    def wait_for(self, name, pattern):
        wait_until(lambda: re.search(pattern, read(self.log(name)), re.MULTILINE), f"{pattern} in {name}")

    def test_loops_write_the_known_lines(self):
        with self.serve("--log-dir", self.logs, *FAST):
            self.ctl("ticket", "create", "--title", "one")
            subprocess.run(["git", "branch", "conversation-1"], cwd=self.repo, env=self.env, check=True)
            self.wait_for("background_monitor.log",
                          rf"^{STAMP}System Status Check\n"
                          r"  - Git status: 0 files changed\n"
                          rf"  - Working directory: {re.escape(self.repo)}\n"
                          r"  - Current branch: \S+\n"
                          r"  - Shared state directory: EXISTS\n"
                          r"  - Tickets pending: 1\n")
            self.wait_for("conversation_coordinator.log",
                          rf"^{STAMP}Conversation Coordinator Check\n"
                          r"  - Active tickets: 1\n"
                          r"  - Active conversation branches: 1\n")
            self.wait_for("communication_daemon.log",
                          rf"^{STAMP}Processing 1 new tickets\n{STAMP}Updating shared status\n")
        for name in ("background_monitor.log", "conversation_coordinator.log", "communication_daemon.log", "hub.log"):
            self.assertEqual(stat.S_IMODE(os.stat(self.log(name)).st_mode), 0o600, name)

    def test_status_says_that_three_processes_work(self):
        with self.serve("--log-dir", self.logs, *FAST):
            path = os.path.join(self.repo, "shared_state", "status.md")
            wait_until(lambda: "- Active processes: 3\n" in read(path), "three active processes")

    def test_a_log_that_cannot_be_written_stops_nothing(self):
        os.mkdir(self.logs)
        os.symlink("/dev/null", self.log("background_monitor.log"))
        with self.serve("--log-dir", self.logs, *FAST):
            def failed():
                return any(line.get("loop") == "monitor" and line.get("state") == "FAILED" and
                           "symbolic link" in line.get("error", "") for line in self.hub_log())

            wait_until(failed, "the monitor's failure in the hub's log")
            self.ctl("ticket", "create", "--title", "served all the same")
            os.unlink(self.log("background_monitor.log"))
            self.wait_for("background_monitor.log", "Tickets pending: 1")
            wait_until(lambda: any(line.get("loop") == "monitor" and line.get("state") == "RUNNING"
                                   for line in self.hub_log()), "the monitor's recovery in the hub's log")

    def test_a_log_directory_that_is_none_stops_nothing(self):
        with open(self.logs, "w", encoding="utf-8") as f:
            f.write("a file\n")
        with self.serve("--log-dir", self.logs, *FAST):
            self.ctl("ticket", "create", "--title", "served all the same")
            os.unlink(self.logs)
            self.wait_for("background_monitor.log", "Tickets pending: 1")

    def test_a_terminal_that_stands_still_holds_nobody_up(self):
        unread = self.path("unread")
        os.mkfifo(unread)
        reader = os.open(unread, os.O_RDWR)
        self.addCleanup(os.close, reader)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PAGE)
        hub = self.serve("--log-dir", self.logs, "--log-level", "debug")
        hub.start(under=("sh", "-c", f"exec \"$@\" 2>'{unread}'", "sh"))
        for n in range(60):  # more lines than a page has room for
            self.ctl("ticket", "create", "--title", f"T {n}")

        def calls():
            return [line for line in self.hub_log() if line.get("method") == "CreateTicket"]

        wait_until(lambda: len(calls()) >= 60, "the calls' lines")  # they are written in the background
        wait_until(lambda: select.select([reader], [], [], 0)[0], "it was told something")
        self.assertGreater(len(json.dumps(calls())), 2 * PAGE, "the pipe is full")
        self.assertEqual(hub.terminate(), 0)

    def test_no_log_holds_a_token(self):
        with self.serve("--log-dir", self.logs, "--log-level", "debug", "--tcp", "127.0.0.1:0", *FAST) as hub:
            tcp = self.endpoint()["tcp"]
            registered = self.ctl("agent", "register", "conversation-1", "--json")
            token = re.search(r"chs_[0-9a-f]{32}_[0-9a-f]{64}", registered.stdout + read_all(self.state, "sessions"))
            self.assertIsNotNone(token, "the test knows what to look for")
            forged = token[0][:-1] + ("1" if token[0][-1] == "0" else "0")
            for session in (token[0], forged, "cho_" + "a" * 64):
                subprocess.run([COORDCTL, "--endpoint", tcp, "ticket", "list"], cwd=self.repo, capture_output=True,
                               env={**self.env, "COORDHUB_SESSION": session}, check=False, timeout=60)
            self.ctl("ticket", "create", "--title", "work", "--body", token[0])
            wait_until(lambda: any(line.get("method") == "CreateTicket" for line in self.hub_log()), "the call's line")
            self.assertTrue(any(line.get("msg") == "refused call" for line in self.hub_log()))
            secrets = [read(os.path.join(self.state, name)).strip() for name in ("operator-token", "workspace.key")]
            stderr = hub.log()
        text = stderr + "".join(read(path) for path in glob.glob(self.log("*")))
        self.assertNotRegex(text, r"ch[so]_[0-9a-f]{9}")
        for secret in secrets:
            self.assertNotIn(secret, text)


def read_all(*names):
    """Everything in a directory."""
    return "".join(read(path) for path in glob.glob(os.path.join(*names, "**"), recursive=True) if os.path.isfile(path))


if __name__ == "__main__":
    unittest.main()
