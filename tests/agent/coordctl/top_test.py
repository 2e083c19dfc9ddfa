#!/usr/bin/env python3
"""`coordctl top` in a real terminal (tmux): what it shows, its keys, another size, and what it leaves behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "e2e"))
import processes  # noqa: E402
from hub_process import COORDCTL, Hub, wait_until  # noqa: E402

IN_CI = os.environ.get("CI", "") not in ("", "0", "false")


class Terminal:
    """A terminal of its own, with a shell in the hub's repository."""

    def __init__(self, hub):
        self.server = os.path.join(hub.directory, "tmux.sock")
        env = dict(hub.env, TERM="xterm-256color", LC_ALL="C.UTF-8", PS1="$ ")
        env.pop("TMUX", None)
        self.env = env
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "-c", hub.repo, "sh")

    def tmux(self, *args):
        return subprocess.run(["tmux", "-u", "-S", self.server, *args], env=self.env, check=True, text=True,
                              capture_output=True).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)
        self.press("Enter")

    def wait_for(self, pattern, gone=False):
        def seen():
            screen = self.screen()
            return screen if bool(re.search(pattern, screen, re.M)) != gone else None
        try:
            return wait_until(seen, f"{pattern!r} is {'gone from' if gone else 'on'} the screen")
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.screen()}") from None

    def close(self):
        subprocess.run(["tmux", "-S", self.server, "kill-server"], env=self.env, check=False, capture_output=True)


class Top(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().start()
        self.addCleanup(self.hub.__exit__)
        self.terminal = Terminal(self.hub)
        self.addCleanup(self.terminal.close)
        self.before = os.path.join(self.hub.directory, "before")
        self.after = os.path.join(self.hub.directory, "after")

    def start(self, name=""):
        # What the terminal was before, and is after.
        self.terminal.type(f"stty -g > {self.before}; {COORDCTL} top; echo ended{name} $?; stty -g > {self.after}")
        self.terminal.wait_for(r"^✓ Hub: RUNNING")

    def expect_given_back(self):
        wait_until(lambda: os.path.exists(self.after) and os.path.getsize(self.after) > 0, "the shell is back")
        with open(self.before, encoding="utf-8") as before, open(self.after, encoding="utf-8") as after:
            self.assertEqual(before.read(), after.read())
        screen = self.terminal.screen()
        self.assertNotIn("Hub: RUNNING", screen)  # the other screen is gone
        self.assertEqual(self.terminal.tmux("display-message", "-p", "#{cursor_flag} #{alternate_on} #{wrap_flag}"),
                         "1 0 1\n")

    def register(self, name):
        token = os.path.join(self.hub.directory, name)
        self.hub.ctl("agent", "register", name, "--ttl", "10m", "--share-worktree", "--token-file", token)
        return {"COORDHUB_SESSION": token}

    def test_shows_changes_as_they_happen(self):
        self.start()
        self.terminal.wait_for(r"1 Tickets \(0\)")
        self.hub.ctl("ticket", "create", "--title", "Speed up the parser")
        self.terminal.wait_for(r"^> T-1 +OPEN +p2 .*Speed up the parser$")
        me = self.register("conversation-4")
        self.hub.ctl("ticket", "claim", "1", env=me)
        self.terminal.wait_for(r"^> T-1 +CLAIMED +p2 +conversation-4")
        self.hub.ctl("ticket", "complete", "1", env=me)
        self.terminal.wait_for(r"T-1 ", gone=True)
        self.terminal.wait_for(r"^Tickets: 1 DONE$")

    def test_its_keys(self):
        me = self.register("conversation-4")
        for title, priority in (("first", "p3"), ("second", "p0"), ("third", "p1")):
            self.hub.ctl("ticket", "create", "--title", title, "-p", priority, "--body", f"body of {title}")
        self.hub.ctl("ticket", "claim", "2", env=me)
        self.start()
        self.terminal.wait_for(r"(?s)> T-1 .*  T-2 .*  T-3 ")
        self.terminal.press("Down")
        self.terminal.wait_for(r"^> T-2 ")
        self.terminal.press("s")  # by priority: the selection goes with its ticket
        self.terminal.wait_for(r"(?s)> T-2 .*  T-3 .*  T-1 .*")
        self.terminal.wait_for("sorted by priority")
        self.terminal.press("r")
        self.terminal.wait_for(r"(?s)  T-1 .*  T-3 .*> T-2 ")
        self.terminal.press("Enter")
        self.terminal.wait_for("body of second")
        self.terminal.press("Escape")
        self.terminal.wait_for("body of second", gone=True)
        self.terminal.press("2")
        self.terminal.wait_for(r"^> conversation-4 +ACTIVE")
        self.terminal.press("Enter")
        self.terminal.wait_for(r"^holds: T-2, fence \d+")
        self.terminal.press("q")  # back, not out
        self.terminal.wait_for(r"^> conversation-4 +ACTIVE")
        self.terminal.press("Tab")
        self.terminal.wait_for(r"\[3 Branches")
        self.terminal.press("?")
        self.terminal.wait_for("Ctrl-C       quit")
        self.terminal.press("x")
        self.terminal.press("q")
        self.terminal.wait_for(r"ended 0$")
        self.expect_given_back()

    def test_another_size(self):
        for i in range(40):
            self.hub.ctl("ticket", "create", "--title", f"number {i} " + "x" * 120)
        self.start()
        self.terminal.wait_for(r"T-3 ")
        self.terminal.tmux("resize-window", "-x", "60", "-y", "14")
        screen = self.terminal.wait_for(r"^q quit")
        self.assertLessEqual(len(screen.splitlines()), 14)
        self.terminal.press("End")
        self.terminal.wait_for(r"^> T-40 ")
        self.terminal.tmux("resize-window", "-x", "120", "-y", "50")
        self.terminal.wait_for(r"(?s)T-20 .*T-40 ")
        self.terminal.press("C-c")
        self.terminal.wait_for(r"ended 0$")
        self.expect_given_back()

    def test_signals_give_the_terminal_back(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV):
            with self.subTest(number.name):
                for path in (self.before, self.after):
                    if os.path.exists(path):
                        os.unlink(path)
                self.start(number.name)
                (pid,) = self.pids()
                processes.send(pid, number)
                self.terminal.wait_for(f"ended{number.name} {139 if number == signal.SIGSEGV else 0}$")
                self.expect_given_back()

    def test_a_stop_gives_the_terminal_back_until_it_goes_on(self):
        self.start()
        self.terminal.press("C-z")
        self.terminal.wait_for("Hub: RUNNING", gone=True)
        self.terminal.type("fg")
        self.terminal.wait_for(r"^✓ Hub: RUNNING")
        self.terminal.press("q")
        self.terminal.wait_for(r"Hub: RUNNING", gone=True)

    def test_a_hub_that_is_killed_and_comes_back(self):
        self.hub.ctl("ticket", "create", "--title", "stays")
        self.start()
        self.terminal.wait_for("stays")
        self.hub.kill()
        self.terminal.wait_for("waiting for the hub")
        self.hub.start()
        self.terminal.wait_for("waiting for the hub", gone=True)
        self.hub.ctl("ticket", "create", "--title", "is new")
        self.terminal.wait_for("is new")

    def test_without_a_terminal_it_says_what_to_use_instead(self):
        done = self.hub.ctl("top", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("coordctl status", done.stderr)

    def pids(self):
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            words = processes.command_of(entry)
            try:
                where = os.readlink(f"/proc/{entry}/cwd")
            except OSError:
                continue
            if words[:2] == [COORDCTL.encode(), b"top"] and where == os.path.realpath(self.hub.repo):
                found.append(int(entry))
        return found


if __name__ == "__main__":
    if shutil.which("tmux") is None:
        print("tmux is missing; deploy/setup --test installs it", file=sys.stderr)
        sys.exit(1 if IN_CI else 77)
    unittest.main(verbosity=2)
