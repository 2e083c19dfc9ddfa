#!/usr/bin/env python3
"""The hub under a service manager: what it tells it, and the units in deploy/systemd."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import unittest

import seccomp_filter
from hub_case import COORDHUB, REFUSED, HubCase

UNITS = os.path.join(os.environ["COORDHUB_SOURCE_DIR"], "deploy", "systemd")
INSTALLED = "/usr/local/bin/coordhub"
# systemd-analyze's score of what a unit leaves open, from 0 to 10; deploy/README.md states both.
MAX_EXPOSURE = {"system": 1.5, "user": 6.3}


class Manager(unittest.TestCase):
    """What systemd is to a service of Type=notify: a datagram socket."""

    def listen(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.addCleanup(self.socket.close)
        self.socket.bind(address)
        self.socket.settimeout(30)

    def receive(self):
        """The next message, as a dictionary."""
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def receive_until(self, key):
        """The keys of all messages up to the one with `key`, and that one."""
        before = []
        while True:
            message = self.receive()
            if key in message:
                return before, message
            before += message


class Notify(HubCase, Manager):
    def test_readiness_and_stop_are_told(self):
        self.listen(self.path("notify"))
        hub = self.serve(env={"NOTIFY_SOCKET": self.path("notify")}).start()
        self.assertEqual(self.receive(), {"READY": "1", "STATUS": "serving app"})
        self.ctl("ticket", "create", "--title", "it serves")
        hub.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.receive(), {"STOPPING": "1", "STATUS": "draining"})
        self.assertEqual(hub.process.wait(timeout=60), 0)

    def test_nothing_is_told_before_it_serves(self):
        self.listen(self.path("notify"))
        self.start()
        self.env["NOTIFY_SOCKET"] = self.path("notify")
        self.assertEqual(self.coordhub("serve").returncode, REFUSED)
        self.socket.setblocking(False)
        with self.assertRaises(BlockingIOError):
            self.socket.recv(1)

    def test_the_watchdog_hears_of_a_hub_that_answers(self):
        name = f"coordhub-test-{os.getpid()}"
        self.listen("\0" + name)  # in the abstract namespace
        hub = self.serve(env={"NOTIFY_SOCKET": "@" + name, "WATCHDOG_USEC": "600000"}).start()
        for _ in range(3):
            self.receive_until("WATCHDOG")
        self.assertEqual(hub.terminate(), 0)

    def test_a_watchdog_of_another_process_is_not_meant(self):
        self.listen(self.path("notify"))
        env = {"NOTIFY_SOCKET": self.path("notify"), "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
        hub = self.serve(env=env).start()
        self.assertIn("READY", self.receive())
        hub.process.send_signal(signal.SIGTERM)
        before, _ = self.receive_until("STOPPING")
        self.assertEqual(before, [])

    def test_a_hub_in_the_background_is_not_the_service_that_started_it(self):
        self.listen(self.path("notify"))
        self.env["NOTIFY_SOCKET"] = self.path("notify")
        self.start()
        self.coordhub("stop")
        self.socket.setblocking(False)
        with self.assertRaises(BlockingIOError):
            self.socket.recv(1)

    def test_a_manager_that_is_gone_does_not_matter(self):
        hub = self.serve(env={"NOTIFY_SOCKET": self.path("nobody")}).start()
        self.ctl("ticket", "create", "--title", "it serves")
        self.assertEqual(hub.terminate(), 0)

    def test_restart_leaves_a_supervised_hub_to_its_supervisor(self):
        self.listen(self.path("notify"))
        hub = self.serve(env={"NOTIFY_SOCKET": self.path("notify")}).start()
        self.assertIn("READY", self.receive())  # by then it has left its options for a restart
        refused = self.coordhub("restart")
        self.assertEqual(refused.returncode, REFUSED, refused.stderr)
        self.assertIn("systemctl", refused.stderr)
        self.assertIsNone(hub.process.poll())
        self.assertEqual(hub.terminate(), 0)


@unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
class Units(HubCase):
    def analyze(self, kind, *args):
        env = dict(self.env, XDG_RUNTIME_DIR=self.directory)
        done = subprocess.run(["systemd-analyze", *(["--user"] if kind == "user" else []), *args], env=env, text=True,
                              capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def unit(self, kind):
        """The unit as one installs it, with the program where it is now."""
        with open(os.path.join(UNITS, kind, "coordhub@.service"), encoding="utf-8") as f:
            text = f.read()
        self.assertIn(f"ExecStart={INSTALLED} serve --repo /%I\n", text)
        os.makedirs(self.path(kind), exist_ok=True)
        for name in ("coordhub@.service", "coordhub@srv-app.service"):
            with open(self.path(kind, name), "w", encoding="utf-8") as f:
                f.write(text.replace(INSTALLED, COORDHUB))
        return self.path(kind, "coordhub@srv-app.service"), text

    def test_systemd_finds_nothing_wrong(self):
        for kind in MAX_EXPOSURE:
            with self.subTest(kind):
                said = self.analyze(kind, "verify", self.unit(kind)[0])
                self.assertNotIn("coordhub@", said)

    def test_the_exposure_is_as_stated(self):
        with open(os.path.join(UNITS, "..", "README.md"), encoding="utf-8") as f:
            readme = f.read()
        for kind, most in MAX_EXPOSURE.items():
            with self.subTest(kind):
                said = self.analyze(kind, "security", "--offline=true", "--no-pager", self.unit(kind)[0])
                exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)[1])
                self.assertLessEqual(exposure, most)
                self.assertIn(f"{most}", readme)

    @unittest.skipUnless(seccomp_filter.usable(), "knows the system calls of x86-64 only")
    def test_the_hub_works_under_the_units_filters(self):
        for kind in MAX_EXPOSURE:
            with self.subTest(kind):
                unit = self.unit(kind)[0]
                filtered = [sys.executable, seccomp_filter.__file__, unit]
                hub = self.serve("--tcp", "127.0.0.1:0")
                hub.start(under=filtered)
                # Where an agent left, nobody acts for the operator unasked.
                self.ctl("--as", "operator", "ticket", "create", "--title", "under filters")
                self.ctl("--as", "operator", "hub", "verify")
                self.ctl("--as", "operator", "hub", "backup", self.path("backup-" + kind))
                self.ctl("agent", "register", f"conversation-{kind}")
                self.ctl("ticket", "next")
                self.ctl("agent", "leave")
                self.wait_until_mirrored()
                self.assertEqual(self.status()["mirror_problem"], "")
                self.assertEqual(hub.terminate(), 0)

    def test_exit_codes_that_are_not_tried_again_are_the_programs(self):
        for kind in MAX_EXPOSURE:
            codes = re.search(r"^RestartPreventExitStatus=(.*)$", self.unit(kind)[1], re.MULTILINE)[1].split()
            self.start()
            self.assertIn(str(self.coordhub("serve").returncode), codes)
            self.assertIn(str(self.coordhub("serve", "--nonsense").returncode), codes)
            self.coordhub("stop")


if __name__ == "__main__":
    unittest.main(verbosity=1)
