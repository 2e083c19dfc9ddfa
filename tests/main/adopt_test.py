#!/usr/bin/env python3
"""coordhub adopt: the shared_state/ of the scripts before the hub, in whatever state they left it."""

import json
import os
import signal
import stat
import subprocess
import unittest

from hub_case import COORDHUB, REFUSED, USAGE, HubCase, processes, wait_until

# As years of scripts and people leave it.
TICKETS = """\
# Tickets
- [2025-07-29 12:00:00] ticket: Mend the fence
- [2025-07-29 12:00:01] ticket: OPEN p1 Paint the fence

* feed the cat
1. [ ] count the posts
- [x] bought paint
ticket: T-17 CLAIMED p0 of a hub that is gone
<!-- a comment -->
plain words
- [2025-07-29 12:00:00] ticket: Mend the fence
- [2025-07-30 09:00:00] ticket: DONE p1 buy nails
no newline at the end"""
TITLES = ["Mend the fence", "Paint the fence", "feed the cat", "count the posts", "of a hub that is gone",
          "plain words", "Mend the fence", "no newline at the end"]
LINES = [2, 3, 5, 6, 8, 10, 11, 13]
NOT_TICKETS = [1, 7, 9, 12]


class AdoptCase(HubCase):
    def setUp(self):
        super().setUp()
        self.shared = os.path.join(self.repo, "shared_state")
        self.old_pids = self.path("old-pids")
        os.mkdir(self.old_pids)

    def write(self, name, text):
        os.makedirs(os.path.dirname(os.path.join(self.shared, name)), exist_ok=True)
        with open(os.path.join(self.shared, name), "w", encoding="utf-8") as f:
            f.write(text)

    def leave_old_state(self):
        self.write("tickets.md", TICKETS)
        self.write("status.md", "# Current State Across Conversations\n")
        self.write("status.md.tmp", "# Curr")

    def adopt(self, *args):
        return self.coordhub("adopt", "--old-pid-dir", self.old_pids, *args)

    def adopted(self, *args):
        done = self.adopt("--json", *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def listed(self):
        return [(t["ticketId"], t["title"], t.get("priority", 2))
                for t in json.loads(self.ctl("ticket", "list", "--all", "--json").stdout)]

    def content(self, *names):
        with open(os.path.join(*names), encoding="utf-8") as f:
            return f.read()


class Adopt(AdoptCase):
    def test_each_line_becomes_a_ticket_once_and_nothing_is_lost(self):
        self.leave_old_state()
        result = self.adopted("--yes")
        self.assertTrue(result["adopted"])
        self.assertEqual([one["line"] for one in result["imported"]], LINES)
        self.assertEqual([one["ticket_id"] for one in result["imported"]], [f"T-{n}" for n in range(1, 9)])
        listed = self.listed()
        self.assertEqual([title for _, title, _ in listed], TITLES)
        self.assertEqual([priority for _, _, priority in listed][1:5:3], [1, 0])

        backup = result["backup"]
        self.assertTrue(backup.startswith(os.path.join(self.state, "shared_state.before-coordhub-")), backup)
        self.assertEqual(stat.S_IMODE(os.stat(backup).st_mode), 0o700)
        self.assertEqual(sorted(os.listdir(backup)), ["status.md", "status.md.tmp", "tickets.md"])
        self.assertEqual(self.content(backup, "tickets.md"), TICKETS)
        self.assertFalse(os.path.exists(os.path.join(self.shared, "status.md.tmp")))

        def only_tickets():
            return self.content(self.shared, "tickets.md").count(" ticket: T-") == len(TITLES)

        wait_until(only_tickets, "tickets.md is the hub's")
        self.assertEqual(len(self.content(self.shared, "tickets.md").splitlines()), len(TITLES))

        # Again, with the hub and without it: nothing.
        self.assertFalse(self.adopted("--yes")["adopted"])
        self.coordhub("stop")
        again = self.adopted("--yes")
        self.assertEqual((again["adopted"], again["tickets"], again["own_lines"], again["backup"]),
                         (False, 0, len(TITLES), ""))
        self.assertEqual(self.coordhub("status").returncode, 6, "no hub was started for nothing")
        self.start()
        self.assertEqual(len(self.listed()), len(TITLES))

    def test_what_it_shows_is_what_happens(self):
        self.leave_old_state()
        plan = self.adopted("--dry-run")
        self.assertEqual([line["line"] for line in plan["lines"] if "title" in line], LINES)
        self.assertEqual([line["title"] for line in plan["lines"] if "title" in line], TITLES)
        self.assertEqual([line["line"] for line in plan["lines"] if "why_not" in line], NOT_TICKETS)
        self.assertTrue(plan["temporary_status"])
        shown = self.adopt("--dry-run")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("     3  OPEN    p1   Paint the fence\n", shown.stdout)
        self.assertRegex(shown.stdout, r"\n     7  -            - \[x\] bought paint  \(.*ticked.*\)\n")
        self.assertIn("8 tickets to import; 4 lines that cannot be read as a ticket", shown.stdout)
        # Nothing happened.
        self.assertEqual(self.content(self.shared, "tickets.md"), TICKETS)
        self.assertFalse(os.path.exists(self.state))
        self.assertEqual(self.coordhub("status").returncode, 6)

    def test_a_plain_start_imports_the_same_and_says_what_it_cannot_read(self):
        self.leave_old_state()
        started = self.coordhub("start")
        self.assertEqual(started.returncode, 0, started.stderr)
        self.assertIn("4 lines of ", started.stderr)
        wait_until(lambda: len(self.listed()) == len(TITLES), "the lines are tickets")
        self.assertEqual([title for _, title, _ in self.listed()], TITLES)
        self.coordhub("stop")
        self.assertEqual(self.coordhub("start").stderr, "", "it says so once")

    def test_a_convergence_that_people_kept_is_named_and_not_lost(self):
        self.leave_old_state()
        self.write("convergence.md", "we meet at noon\n")
        self.assertTrue(self.adopted("--dry-run")["foreign_convergence"])
        self.assertIn("convergence.md was kept by hand, and goes to .rejected/", self.adopt("--dry-run").stdout)
        started = self.coordhub("start")
        self.assertEqual(started.returncode, 0, started.stderr)
        self.assertIn("convergence.md was kept by hand", started.stderr)
        wait_until(lambda: not os.path.exists(os.path.join(self.shared, "convergence.md")), "it is the hub's to keep")
        kept = [name for name in os.listdir(os.path.join(self.shared, ".rejected")) if name.startswith("convergence.md-")]
        self.assertEqual(len(kept), 1)
        self.assertEqual(self.content(self.shared, ".rejected", kept[0]), "we meet at noon\n")
        self.assertFalse(self.adopted()["foreign_convergence"])

    def test_nobody_says_yes(self):
        self.leave_old_state()
        for args in ((), ("--json",)):
            refused = self.adopt(*args)
            self.assertEqual(refused.returncode, REFUSED, refused.stdout)
            self.assertIn("--yes", refused.stderr)
        self.assertEqual(self.content(self.shared, "tickets.md"), TICKETS)
        self.assertFalse(os.path.exists(self.state))

    def test_it_asks_at_a_terminal(self):
        self.leave_old_state()
        for answer, code in ((b"n\n", REFUSED), (b"y\n", 0)):
            reader, writer = processes.open_terminal()
            process = subprocess.Popen([COORDHUB, "adopt", "--old-pid-dir", self.old_pids], cwd=self.repo, env=self.env,
                                       stdin=writer, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            os.close(writer)
            os.write(reader, answer)
            said, _ = process.communicate(timeout=120)
            os.close(reader)
            self.assertEqual(process.returncode, code, said)
            self.assertIn("[y/N]", said)
        self.assertIn("8 tickets imported: line 2 is T-1, line 13 is T-8", said)
        self.assertEqual(len(self.listed()), len(TITLES))

    def test_old_loops_that_run_are_named(self):
        self.leave_old_state()
        loop = subprocess.Popen(["sleep", "1000"], cwd=self.repo)
        self.addCleanup(loop.wait)
        self.addCleanup(loop.kill)
        with open(os.path.join(self.old_pids, "communication_daemon.pid"), "w", encoding="utf-8") as f:
            f.write(f"{loop.pid}\n")
        with open(os.path.join(self.old_pids, "background_monitor.pid"), "w", encoding="utf-8") as f:
            f.write("999999999\n")
        running = self.adopted("--dry-run")["running_loops"]
        self.assertEqual(running, [{"pid": loop.pid, "directory": self.repo,
                                    "pid_file": os.path.join(self.old_pids, "communication_daemon.pid")}])
        self.assertIn(f"kill {loop.pid}", self.adopt("--dry-run").stdout)
        self.assertTrue(self.adopted("--yes")["adopted"])
        self.assertTrue(os.path.exists(os.path.join(self.shared, "status.md.tmp")), "it may be writing it")
        self.assertIsNone(loop.poll())

    def test_its_own_pid_files_are_no_old_loops(self):
        hub = self.serve("--pid-dir", self.old_pids).start()
        self.assertEqual(self.adopted()["running_loops"], [], "called by its path")
        self.assertEqual(hub.terminate(), 0)
        self.start("--pid-dir", self.old_pids)
        self.assertEqual(self.adopted()["running_loops"], [], "in the background")

    def test_with_nothing_there_is_nothing_to_do(self):
        self.assertEqual(self.adopted("--yes")["exists"], False)
        self.write("tickets.md", "\n\n")
        done = self.adopt("--yes")
        self.assertEqual((done.returncode, "Nothing to do." in done.stdout), (0, True), done.stdout)
        self.assertFalse(os.path.exists(self.state))

    def test_text_is_harmless_on_a_terminal(self):
        self.write("tickets.md", "- ticket: \x1b]0;owned\x07\u202ered \x1b[31mherring\n\x1b[2J# heading\n")
        shown = self.adopt("--dry-run").stdout
        for character in ("\x1b", "\x07", "\u202e"):
            self.assertNotIn(character, shown)
        self.assertIn("herring", shown)

    def test_what_is_not_a_directory_is_refused(self):
        os.symlink(self.directory, self.shared)
        refused = self.adopt("--yes")
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertIn("shared_state", refused.stderr)
        self.assertFalse(os.path.exists(self.state))

    def test_links_are_copied_as_links(self):
        self.leave_old_state()
        os.symlink("/etc/passwd", os.path.join(self.shared, "link"))
        self.write("deeper/notes.md", "note\n")
        os.mkfifo(os.path.join(self.shared, "fifo"))
        backup = self.adopted("--yes")["backup"]
        self.assertEqual(os.readlink(os.path.join(backup, "link")), "/etc/passwd")
        self.assertEqual(self.content(backup, "deeper", "notes.md"), "note\n")
        self.assertFalse(os.path.exists(os.path.join(backup, "fifo")))

    def test_a_repository_that_was_served_keeps_its_options(self):
        pid = self.start("--log-level", "debug")
        self.ctl("ticket", "create", "--title", "of the hub")
        self.wait_until_mirrored()
        processes.send(pid, signal.SIGKILL)
        self.wait_gone(pid)
        with open(os.path.join(self.shared, "tickets.md"), "a", encoding="utf-8") as f:
            f.write("appended while no hub ran\n")
        result = self.adopted("--yes")
        self.assertEqual((result["own_lines"], result["imported"]), (1, [{"line": 2, "ticket_id": "T-2"}]))
        with open(f"/proc/{self.status()['pid']}/cmdline", encoding="utf-8") as f:
            self.assertIn("\0--log-level\0debug\0", f.read())

    def test_usage(self):
        self.assertEqual(self.adopt("--nonsense").returncode, USAGE)
        self.assertEqual(self.coordhub("adopt", "--help").returncode, 0)
        bare = self.path("bare.git")
        subprocess.run(["git", "init", "-q", "--bare", bare], check=True, env=self.env)
        refused = self.adopt("--yes", "--repo", bare)
        self.assertEqual(refused.returncode, REFUSED, refused.stdout)
        self.assertIn("no shared_state/", refused.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
