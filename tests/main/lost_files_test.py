#!/usr/bin/env python3
"""A hub whose files are removed, renamed or replaced under it: no second hub comes in beside it, it acknowledges nothing
more and ends, and nothing that it acknowledged is lost."""

import json
import os
import shutil
import signal
import subprocess
import unittest

from hub_case import COORDCTL, COORDHUB, REFUSED, HubCase, processes, wait_until

STATE_LOST = 71


class LostFilesCase(HubCase):
    def replace(self, name):
        """Another file of the same content at the path."""
        path = os.path.join(self.state, name)
        shutil.copyfile(path, path + ".new")
        os.rename(path + ".new", path)

    def losses(self):
        """What people and scripts do to a state directory."""
        aside = self.path("aside")

        def unlink(name):
            return lambda: os.unlink(os.path.join(self.state, name))

        def renamed_and_made_anew():
            os.rename(self.state, aside)
            os.mkdir(self.state, 0o700)

        return {
            "rm -rf": lambda: shutil.rmtree(self.state),
            "mv": lambda: os.rename(self.state, aside),
            "mv and mkdir": renamed_and_made_anew,
            "rm lock": unlink("lock"),
            "cp lock": lambda: self.replace("lock"),
            "rm journal": unlink("journal.sqlite3"),
            "cp journal": lambda: self.replace("journal.sqlite3"),
            "rm wal": unlink("journal.sqlite3-wal"),
            "rm socket": unlink("hub.sock"),
            "mv repository": lambda: os.rename(self.repo, self.path("moved")),
        }

    def begin_anew(self):
        for path in (self.repo, self.path("moved"), self.path("aside")):
            shutil.rmtree(path, ignore_errors=True)
        self.make_repository()

    def each_loss(self):
        """Gives (name, loss, hub) for each; the hub serves one ticket and is idle."""
        for name, lose in self.losses().items():
            with self.subTest(name):
                self.begin_anew()
                hub = self.serve().start()
                self.ctl("ticket", "create", "--title", "acknowledged")
                yield name, lose, hub

    def wait_lost(self, hub):
        self.assertEqual(hub.process.wait(timeout=20), STATE_LOST, hub.log()[-2000:])

    def where(self):
        """The repository, wherever it is by now."""
        return self.repo if os.path.exists(self.repo) else self.path("moved")

    def debug(self):
        done = subprocess.run([COORDCTL, "debug", "--json"], cwd=self.where(), env=self.env, text=True, capture_output=True,
                              check=False, timeout=60)
        return json.loads(done.stdout)["findings"]


class TwoHubs(LostFilesCase):
    def test_a_start_beside_a_live_holder_is_refused_however_the_files_were_shuffled(self):
        for _, lose, hub in self.each_loss():
            pid = hub.process.pid
            processes.send(pid, signal.SIGSTOP)  # so that it does not make room by ending
            lose()
            for command in ("start", "serve"):
                second = self.coordhub(command, cwd=self.where())
                self.assertEqual(second.returncode, REFUSED, second.stdout + second.stderr)
                self.assertIn(str(pid), second.stderr)
            processes.send(pid, signal.SIGCONT)
            self.wait_lost(hub)

    def test_a_state_directory_elsewhere_is_no_way_in_either(self):
        elsewhere = self.path("elsewhere")
        hub = self.serve("--state-dir", elsewhere).start()
        processes.send(hub.process.pid, signal.SIGSTOP)
        shutil.rmtree(elsewhere)
        shutil.rmtree(self.state)
        for args in (("start",), ("start", "--state-dir", self.path("third"))):
            second = self.coordhub(*args)
            self.assertEqual(second.returncode, REFUSED, second.stdout + second.stderr)
        processes.send(hub.process.pid, signal.SIGCONT)
        self.wait_lost(hub)

    def test_nothing_is_restored_under_a_hub_that_lost_its_directory(self):
        hub = self.serve().start()
        self.ctl("hub", "backup", self.path("backup"))
        processes.send(hub.process.pid, signal.SIGSTOP)
        shutil.rmtree(self.state)
        refused = self.coordhub("restore", self.path("backup"))
        self.assertEqual(refused.returncode, REFUSED, refused.stderr)
        processes.send(hub.process.pid, signal.SIGCONT)
        self.wait_lost(hub)
        self.assertEqual(self.coordhub("restore", self.path("backup")).returncode, 0)

    def test_stop_finds_a_hub_whose_pid_file_is_gone(self):
        pid = self.start()
        os.unlink(os.path.join(self.state, "hub.pid"))
        self.assertIn(f"(pid {pid})", self.coordhub("stop").stdout)
        self.wait_gone(pid)


class LostFiles(LostFilesCase):
    def test_an_idle_hub_that_lost_a_file_ends_and_says_why(self):
        for name, lose, hub in self.each_loss():
            lose()
            self.wait_lost(hub)
            self.assertIn("the hub lost what it holds the repository by; it stops at once", hub.log())
            if name == "mv repository":
                continue  # nobody is left at the old path to read it
            told = [f["what"] for f in self.debug() if f"process {hub.process.pid}" in f["what"]]
            self.assertTrue(any("under the hub that holds it" in what for what in told), self.debug())

    def test_a_hub_that_lost_a_file_answers_no_write_with_ok(self):
        for _, lose, hub in self.each_loss():
            writer = subprocess.Popen(["bash", "-c", 'while "$0" ticket create --title more --timeout 2s; do :; done', COORDCTL],
                                      cwd=self.repo, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self.addCleanup(writer.stdout.close)
            self.addCleanup(writer.wait)
            self.addCleanup(writer.kill)
            self.assertRegex(writer.stdout.readline(), r"T-\d+", "it writes")
            lose()
            self.wait_lost(hub)

    def test_a_kill_after_the_log_was_deleted_loses_nothing_acknowledged(self):
        hub = self.serve().start()
        acknowledged = []

        def create(title):
            done = subprocess.run([COORDCTL, "ticket", "create", "--title", title, "--timeout", "1s"], cwd=self.repo,
                                  env=self.env, capture_output=True, check=False, timeout=60)
            if done.returncode == 0:
                acknowledged.append(title)

        for number in range(20):
            create(f"before {number}")
        self.assertEqual(len(acknowledged), 20)
        os.unlink(os.path.join(self.state, "journal.sqlite3-wal"))
        for number in range(20):
            create(f"after {number}")
            if hub.process.poll() is not None:
                break
        if hub.process.poll() is None:
            hub.kill()
        self.start()
        titles = {t["title"] for t in json.loads(self.ctl("ticket", "list", "--all", "--json").stdout)}
        self.assertEqual(set(acknowledged) - titles, set())
        self.ctl("hub", "verify")

    def test_debug_never_advises_a_second_hub(self):
        for name in ("rm -rf", "mv", "mv and mkdir"):
            with self.subTest(name):
                self.begin_anew()
                hub = self.serve().start()
                processes.send(hub.process.pid, signal.SIGSTOP)
                self.losses()[name]()
                findings = self.debug()
                self.assertTrue(any(str(hub.process.pid) in f["what"] for f in findings), findings)
                for finding in findings:
                    self.assertFalse(finding["advice"].startswith(("coordhub start", "coordhub restart")), finding)
                processes.send(hub.process.pid, signal.SIGCONT)
                self.wait_lost(hub)

    def test_debug_sees_a_journal_that_is_not_the_hubs(self):
        for name in ("journal.sqlite3", "journal.sqlite3-wal", "lock"):
            with self.subTest(name):
                self.begin_anew()
                hub = self.serve().start()
                processes.send(hub.process.pid, signal.SIGSTOP)
                os.unlink(os.path.join(self.state, name))
                done = subprocess.run([COORDCTL, "debug", "--json", "--timeout", "1s"], cwd=self.repo, env=self.env, text=True,
                                      capture_output=True, check=False, timeout=60)
                problems = [f["what"] for f in json.loads(done.stdout)["findings"] if f["area"] == "journal"]
                self.assertTrue(any(f"{name} was removed or renamed under process {hub.process.pid}" in what
                                    for what in problems), problems)
                processes.send(hub.process.pid, signal.SIGCONT)
                self.wait_lost(hub)

    def test_last_words_are_gone_once_a_hub_serves_again(self):
        hub = self.serve().start()
        os.unlink(os.path.join(self.state, "hub.sock"))
        self.wait_lost(hub)
        words = os.path.join(self.repo, ".git", "coordhub.stopped")
        self.assertTrue(os.path.exists(words))
        self.start()
        self.assertFalse(os.path.exists(words))


if __name__ == "__main__":
    unittest.main(verbosity=1)
