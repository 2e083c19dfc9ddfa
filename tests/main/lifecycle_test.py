#!/usr/bin/env python3
"""The life of the hub's process: start, refusal of a second one, stop, death, and what stays behind."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import unittest

from hub_case import BIN, COORDCTL, COORDHUB, FAILED, NO_HUB, REFUSED, USAGE, HubCase, make_repository, processes, wait_until


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class StartAndStop(HubCase):
    def test_start_status_stop(self):
        self.assertEqual(self.coordhub("status").returncode, NO_HUB)
        self.assertEqual(self.coordhub("stop").returncode, NO_HUB)
        self.assertFalse(os.path.exists(os.path.join(self.state, "endpoint")))

        pid = self.start()
        self.assertTrue(self.is_coordhub(pid))
        with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
            self.assertEqual(f.read(), "coordhub\n", "as ps, pgrep and top show it")
        status = self.status()
        self.assertEqual(status["pid"], pid)
        self.assertEqual(status["workspace"], "app")
        self.assertEqual(self.endpoint()["pid"], pid)
        self.assertEqual(self.endpoint()["endpoint"], status["endpoint"])
        self.assertIn(f"running, pid {pid}", self.coordhub("status").stdout)

        stopped = self.coordhub("stop")
        self.assertEqual(stopped.returncode, 0, stopped.stderr)
        self.assertIn(f"stopped (pid {pid})", stopped.stdout)
        self.wait_gone(pid)
        for name in ("endpoint", "hub.pid", "hub.sock"):
            self.assertFalse(os.path.exists(os.path.join(self.state, name)), name)
        self.assertEqual(self.coordhub("status").returncode, NO_HUB)

    def test_start_answers_only_when_the_hub_does(self):
        self.start()
        self.ctl("ticket", "create", "--title", "at once")

    def test_what_a_killed_hub_left_behind_stops_nobody(self):
        pid = self.start()
        self.ctl("ticket", "create", "--title", "kept")
        processes.send(pid, signal.SIGKILL)
        self.wait_gone(pid)
        self.assertEqual(self.endpoint()["pid"], pid, "clients wait for the next hub there")
        self.assertEqual(self.coordhub("status").returncode, NO_HUB)
        self.assertEqual(self.coordhub("stop").returncode, NO_HUB)

        again = self.start()
        self.assertNotEqual(again, pid)
        self.assertEqual(self.tickets(), {"OPEN": 1})
        self.assertEqual(self.endpoint()["pid"], again)

    def test_a_stale_pid_file_cannot_stop_a_stranger(self):
        pid = self.start()
        processes.send(pid, signal.SIGKILL)
        self.wait_gone(pid)
        stranger = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        pid_file = os.path.join(self.state, "hub.pid")
        with open(pid_file, encoding="utf-8") as f:
            lines = f.read().splitlines()
        with open(pid_file, "w", encoding="utf-8") as f:
            f.write("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        self.assertEqual(self.coordhub("stop").returncode, NO_HUB)
        self.assertIsNone(stranger.poll())

    def test_stop_says_when_the_hub_takes_too_long(self):
        pid = self.start()
        processes.send(pid, signal.SIGSTOP)
        slow = self.coordhub("stop", "--timeout", "0.2")
        self.assertEqual(slow.returncode, FAILED)
        self.assertIn(f"(pid {pid}) was told to stop and still drains", slow.stderr)
        processes.send(pid, signal.SIGCONT)
        self.wait_gone(pid)

    def test_stop_with_force_kills_what_does_not_drain(self):
        pid = self.start()
        self.ctl("ticket", "create", "--title", "kept")
        processes.send(pid, signal.SIGSTOP)
        killed = self.coordhub("stop", "--timeout", "0.2", "--force", "--json")
        self.assertEqual(killed.returncode, 0, killed.stderr)
        self.assertEqual(json.loads(killed.stdout), {"stopped": True, "pid": pid, "killed": True})
        self.start()
        self.assertEqual(self.tickets(), {"OPEN": 1})

    def test_a_start_right_after_a_kill_is_not_refused(self):
        port = free_port()
        for _ in range(10):
            pid = self.start("--tcp", f"127.0.0.1:{port}", "--pid-dir", self.directory)
            self.ctl("ticket", "create", "--title", "kept")
            processes.send(pid, signal.SIGKILL)
        self.start("--tcp", f"127.0.0.1:{port}")
        self.assertEqual(self.tickets(), {"OPEN": 10})

    def test_without_a_hub_status_says_how_to_start_one(self):
        done = self.coordhub("status")
        self.assertEqual(done.returncode, NO_HUB)
        self.assertIn("coordhub start", done.stderr)
        self.assertEqual(json.loads(self.coordhub("status", "--json").stdout), {"running": False})

    def test_start_and_stop_speak_json(self):
        started = self.coordhub("start", "--json")
        self.assertEqual(started.returncode, 0, started.stderr)
        hub = json.loads(started.stdout)
        self.assertEqual((hub["running"], hub["pid"], hub["endpoint"], hub["state_dir"]),
                         (True, self.endpoint()["pid"], self.endpoint()["endpoint"], self.state))
        self.assertEqual(json.loads(self.coordhub("start", "--json").stdout), {"running": False}, "a second one")
        self.assertEqual(json.loads(self.coordhub("stop", "--json").stdout)["stopped"], True)
        self.assertEqual(json.loads(self.coordhub("stop", "--json").stdout), {"stopped": False})

    def test_a_hub_that_hangs_is_told_from_one_that_is_gone(self):
        pid = self.start()
        processes.send(pid, signal.SIGSTOP)
        hangs = self.coordhub("status")
        processes.send(pid, signal.SIGCONT)
        self.assertEqual(hangs.returncode, FAILED)
        self.assertIn("runs but does not answer", hangs.stderr)

    def test_start_survives_its_terminal(self):
        # Closed standard descriptors: the journal must not get one of them.
        done = subprocess.run(["bash", "-c", 'exec "$0" start <&- >&- 2>&-', COORDHUB], cwd=self.repo, env=self.env,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0)
        pid = self.status()["pid"]
        processes.send(pid, signal.SIGHUP)
        self.wait_gone(pid)
        self.assertFalse(os.path.exists(os.path.join(self.state, "endpoint")), "SIGHUP drains, too")
        self.start()

    def test_start_leaves_no_descriptor_open(self):
        # A pipe that the hub inherited would never end.
        reader, writer = os.pipe()
        done = subprocess.run([COORDHUB, "start"], cwd=self.repo, env=self.env, capture_output=True, pass_fds=[writer],
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        os.close(writer)
        self.assertEqual(os.read(reader, 1), b"")
        os.close(reader)

    def test_the_log_is_json_lines_without_secrets(self):
        self.start("--tcp", "127.0.0.1:0", "--log-level", "debug")
        self.ctl("agent", "register", "conversation-1")
        self.coordhub("stop")
        with open(os.path.join(self.state, "logs", "hub.log"), encoding="utf-8") as f:
            text = f.read()
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        self.assertIn("the hub is ready", [line["msg"] for line in lines])
        self.assertIn("the hub has stopped", [line["msg"] for line in lines])
        with open(os.path.join(self.state, "operator-token"), encoding="utf-8") as f:
            self.assertNotIn(f.read().strip(), text)
        with open(os.path.join(self.state, "workspace.key"), encoding="utf-8") as f:
            self.assertNotIn(f.read().strip(), text)
        self.assertNotRegex(text, r"chs_[0-9a-f]{32}_[0-9a-f]")

    def test_a_lost_key_is_reported_and_its_tokens_are_void(self):
        self.start()
        self.ctl("agent", "register", "conversation-1")
        self.coordhub("stop")
        os.unlink(os.path.join(self.state, "workspace.key"))
        self.start()
        with open(os.path.join(self.state, "logs", "hub.log"), encoding="utf-8") as f:
            self.assertIn("the key of the workspace was missing", f.read())
        with self.assertRaises(subprocess.CalledProcessError) as refused:
            self.ctl("ticket", "next")
        self.assertEqual(refused.exception.returncode, 4, refused.exception.stderr)
        self.ctl("agent", "register", "conversation-1", "--takeover")


class RestartAndLogs(HubCase):
    def test_restart_keeps_options_state_and_sessions(self):
        port = free_port()
        pids = self.path("pids")
        os.mkdir(pids)
        pid = self.start("--tcp", f"127.0.0.1:{port}", "--pid-dir", pids, "--mirror-dir", self.path("mirror"))
        self.ctl("agent", "register", "conversation-1")
        self.ctl("ticket", "create", "--title", "kept")
        fence = json.loads(self.ctl("ticket", "next", "--json").stdout)["ticket"]["claim"]["fence"]
        done = self.coordhub("restart", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        again = json.loads(done.stdout)
        self.assertNotEqual(again["pid"], pid)
        self.wait_gone(pid)
        self.assertEqual(again["tcp"], f"127.0.0.1:{port}")
        with open(os.path.join(pids, "background_monitor.pid"), encoding="utf-8") as f:
            self.assertEqual(f.read(), f"{again['pid']}\n")
        self.assertTrue(os.path.exists(self.path("mirror", "tickets.md")))
        self.assertFalse(os.path.exists(os.path.join(self.repo, "shared_state")))
        self.ctl("ticket", "complete", "T-1", "--fence", str(fence), "-m", "by the same session")

    def test_restart_starts_what_was_killed_with_the_options_that_it_had(self):
        port = free_port()
        pid = self.start("--tcp", f"127.0.0.1:{port}")
        processes.send(pid, signal.SIGKILL)
        self.wait_gone(pid)
        done = self.coordhub("restart")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no hub ran", done.stderr)
        self.assertEqual(self.status()["tcp"], f"127.0.0.1:{port}")

    def test_restart_leaves_a_hub_that_drains_too_long(self):
        pid = self.start()
        processes.send(pid, signal.SIGSTOP)
        slow = self.coordhub("restart", "--timeout", "0.2")
        self.assertEqual(slow.returncode, FAILED)
        self.assertIn("still drains", slow.stderr)
        forced = self.coordhub("restart", "--timeout", "0.2", "--force")
        self.assertEqual(forced.returncode, 0, forced.stderr)
        self.assertNotEqual(self.status()["pid"], pid)

    def test_logs_show_the_last_lines(self):
        self.assertEqual(self.coordhub("logs").returncode, NO_HUB)
        self.start()
        self.coordhub("stop")
        people = self.coordhub("logs", "-n", "1")
        self.assertEqual(people.returncode, 0, people.stderr)
        self.assertRegex(people.stdout, r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]{12} info the hub has stopped\n$")
        line = self.coordhub("logs", "-n", "1", "--json").stdout
        self.assertEqual(json.loads(line)["msg"], "the hub has stopped")
        self.assertEqual(self.coordhub("logs", "--json", "--loop", "comms").returncode, USAGE)
        self.assertEqual(self.coordhub("logs", "--loop", "conductor").returncode, USAGE)

    def test_logs_of_a_loop_are_found_wherever_they_are(self):
        for args in ((), ("--log-dir", self.path("logs"))):
            self.start(*args)
            for loop, line in (("monitor", "System Status Check"), ("coordinator", "Conversation Coordinator Check"),
                               ("comms", "Updating shared status")):

                def shown():
                    done = self.coordhub("logs", "--loop", loop, "-n", "20")  # noqa: B023
                    return done.returncode == 0 and line in done.stdout  # noqa: B023

                wait_until(shown, f"the log of {loop} shows its step")
            self.coordhub("stop")
            self.assertIn("the hub has stopped", self.coordhub("logs").stdout)

    def test_logs_follow_a_hub_through_its_restart(self):
        self.start()
        follow = subprocess.Popen([COORDHUB, "logs", "-f", "--json"], cwd=self.repo, env=self.env, text=True,
                                  stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.addCleanup(follow.stdout.close)
        self.addCleanup(follow.wait)
        self.addCleanup(follow.kill)

        def messages_until(last):
            messages = []
            while last not in messages:
                line = follow.stdout.readline()
                if line.startswith("{"):
                    messages.append(json.loads(line)["msg"])
            return messages

        messages_until("the hub is ready")
        self.coordhub("restart")
        self.assertIn("the hub has stopped", messages_until("the hub is ready"))


class Signals(HubCase):
    def test_sigterm_drains_and_ends_well(self):
        hub = self.serve().start()
        self.ctl("ticket", "create", "--title", "kept")
        self.assertEqual(hub.terminate(), 0)
        self.assertFalse(os.path.exists(os.path.join(self.state, "endpoint")))
        self.assertIn("coordhub 0.1.0 serving ", hub.log())
        self.assertIn("on unix:", hub.log())
        hub.start()
        self.assertEqual(self.tickets(), {"OPEN": 1})
        self.assertEqual(hub.terminate(), 0)

    def test_a_second_sigterm_while_draining_is_ignored(self):
        hub = self.serve().start()
        watch = subprocess.Popen([COORDCTL, "watch"], cwd=self.repo, env=self.env, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        wait_until(lambda: hub.process.send_signal(signal.SIGTERM) or hub.process.poll() is not None, "the hub ended")
        self.assertEqual(hub.process.returncode, 0)
        self.assertIn("the hub has stopped", hub.log())

    def test_drain_hub_ends_it_as_sigterm_does(self):
        hub = self.serve().start()
        self.ctl("hub", "drain")
        self.assertEqual(hub.process.wait(timeout=60), 0)
        self.assertIn("why=DrainHub", hub.log())


class Refusals(HubCase):
    def test_a_second_hub_is_refused_and_told_who_holds_it(self):
        pid = self.start()
        for command in ("serve", "start"):
            with self.subTest(command):
                second = self.coordhub(command)
                self.assertEqual(second.returncode, REFUSED, second.stderr)
                self.assertIn(str(pid), second.stderr)
        self.assertEqual(self.status()["pid"], pid, "the first one is not disturbed")
        self.assertEqual(self.endpoint()["pid"], pid)

    def test_if_one_repository_is_held_nothing_starts(self):
        other = self.path("other")
        make_repository(other)
        self.start()
        both = self.coordhub("serve", "--repo", other, "--repo", self.repo)
        self.assertEqual(both.returncode, REFUSED)
        self.assertFalse(os.path.exists(os.path.join(other, ".git", "coordhub", "endpoint")))
        self.assertEqual(self.coordhub("start", "--repo", other).returncode, 0, "and nothing stays locked")

    def test_a_state_directory_elsewhere_does_not_let_a_second_hub_in(self):
        pid = self.start("--state-dir", self.path("state"))
        self.assertEqual(self.endpoint()["state_dir"], self.path("state"))
        self.ctl("ticket", "create", "--title", "there")
        second = self.coordhub("serve", "--state-dir", self.path("another"))
        self.assertEqual(second.returncode, REFUSED, second.stderr)
        self.assertIn(str(pid), second.stderr)
        self.assertEqual(self.coordhub("stop").returncode, 0, "found through the endpoint file")

    def test_kinds_of_repositories_that_cannot_be_read_are_named(self):
        for kind, init, said in (("reftable", (), "reftable"), ("sha256", ("--object-format=sha256",), "SHA-256")):
            repo = self.path("of-kind-" + str(len(kind)))
            subprocess.run(["git", "init", "-q", *init, repo], check=True, env=self.env)
            if kind == "reftable":
                for setting in (("core.repositoryformatversion", "1"), ("extensions.refStorage", "reftable")):
                    subprocess.run(["git", "config", "-f", os.path.join(repo, ".git", "config"), *setting], check=True,
                                   env=self.env)
            for args in (("serve",), ("start",), ("start", "--no-mirror"), ("start", "--mirror-dir", self.path("m"))):
                with self.subTest(kind=kind, args=args):
                    refused = self.coordhub(*args, "--repo", repo)
                    self.assertEqual(refused.returncode, USAGE, refused.stderr)
                    self.assertIn(said, refused.stderr)
            self.assertFalse(os.path.exists(os.path.join(repo, ".git", "coordhub")), "nothing is made for it")

    def test_a_taken_port_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            for command in ("serve", "start"):
                refused = self.coordhub(command, "--tcp", address)
                self.assertEqual(refused.returncode, REFUSED, refused.stderr)
                self.assertIn(address, refused.stderr)
                self.assertIn(f"pid {os.getpid()}", refused.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.state, "endpoint")))

    def test_a_damaged_journal_is_refused_with_its_name(self):
        hub = self.serve().start()
        for number in range(50):
            self.ctl("ticket", "create", "--title", f"ticket {number}")
        self.assertEqual(hub.terminate(), 0)
        journal = os.path.join(self.state, "journal.sqlite3")
        with open(journal, "r+b") as f:
            data = f.read()
            at = data.rindex(b"ticket 17")
            f.seek(at)
            f.write(b"TICKET 17")
        refused = self.coordhub("serve")
        self.assertEqual(refused.returncode, FAILED, refused.stderr)
        self.assertIn("journal.sqlite3", refused.stderr)
        self.assertRegex(refused.stderr, r"revision [0-9]+")
        self.assertFalse(os.path.exists(os.path.join(self.state, "endpoint")))

    def test_a_journal_of_a_newer_version_is_refused_with_its_name(self):
        hub = self.serve().start()
        self.ctl("ticket", "create", "--title", "kept")
        self.assertEqual(hub.terminate(), 0)
        journal = os.path.join(self.state, "journal.sqlite3")
        with contextlib.closing(sqlite3.connect(journal)) as database:
            database.executescript("PRAGMA user_version = 99; UPDATE meta SET format = 99, written_by = '9.8.7'")
        with open(journal, "rb") as f:
            before = f.read()
        for command in ("serve", "start"):
            with self.subTest(command):
                refused = self.coordhub(command)
                self.assertEqual(refused.returncode, REFUSED, refused.stderr)
                self.assertIn("journal.sqlite3 has format 99 of coordhub 9.8.7", refused.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.state, "endpoint")))
        with open(journal, "rb") as f:
            self.assertEqual(f.read(), before, "it is not touched")

    def test_usage(self):
        for args in ([], ["dance"], ["serve", "--nonsense"], ["serve", "--log-level", "loud"],
                     ["serve", "--repo", self.path("nowhere")], ["serve", "--repo", self.repo, "--repo", self.repo],
                     ["serve", "--tcp", "0.0.0.0:0"], ["serve", "--no-mirror", "--mirror-dir", "x"]):
            with self.subTest(args):
                self.assertEqual(self.coordhub(*args).returncode, USAGE)
        self.assertEqual(self.coordhub("--version").stdout, "coordhub 0.1.0\n")
        for args in ([], ["serve"], ["start"], ["stop"], ["restart"], ["status"], ["logs"], ["restore"]):
            with self.subTest(args):
                helped = self.coordhub(*args, "--help")
                self.assertEqual(helped.returncode, 0)
                self.assertIn("Usage", helped.stdout)


class Places(HubCase):
    def test_from_a_linked_worktree_the_repository_is_meant(self):
        linked = self.path("linked")
        subprocess.run(["git", "-C", self.repo, "worktree", "add", "-q", linked, "-b", "conversation-1"], check=True,
                       env=self.env)
        pid = self.start(cwd=linked)
        self.assertEqual(self.endpoint()["pid"], pid)
        self.assertEqual(self.coordhub("start", cwd=self.repo).returncode, REFUSED)
        self.ctl("ticket", "create", "--title", "from the worktree", repo=linked)
        self.assertEqual(self.tickets(), {"OPEN": 1})
        wait_until(lambda: os.path.isdir(os.path.join(self.repo, "shared_state")), "shared_state/ is there")
        self.assertFalse(os.path.exists(os.path.join(linked, "shared_state")))

    def test_a_state_directory_elsewhere_is_found_again_after_a_stop(self):
        self.start("--state-dir", self.path("state"))
        self.ctl("ticket", "create", "--title", "there")
        self.wait_until_mirrored()
        self.assertEqual(self.coordhub("stop").returncode, 0)
        self.assertIn("the hub has stopped", self.coordhub("logs").stdout)
        for again in ("start", "restart"):
            done = self.coordhub(again)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.endpoint()["state_dir"], self.path("state"))
            self.wait_until_mirrored()
            self.assertEqual(self.tickets(), {"OPEN": 1}, again)
            self.coordhub("stop")
        self.assertFalse(os.path.exists(os.path.join(self.state, "journal.sqlite3")))
        # Said otherwise, it is so from then on.
        self.start("--state-dir", self.state)
        self.assertTrue(os.path.exists(os.path.join(self.state, "journal.sqlite3")))
        self.coordhub("stop")
        self.start()
        self.assertNotIn("state_dir", self.endpoint())

    def test_a_state_directory_that_is_not_said_rightly_is_not_begun_anew(self):
        os.mkdir(self.state, 0o700)
        with open(os.path.join(self.state, "state-dir"), "w", encoding="utf-8") as f:
            f.write("somewhere\n")
        refused = self.coordhub("start")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("--state-dir", refused.stderr)
        self.start("--state-dir", self.path("state"))

    def test_one_hub_serves_several_repositories(self):
        other = self.path("elsewhere", "app")
        make_repository(other)
        self.start("--repo", self.repo, "--repo", other)
        self.ctl("ticket", "create", "--title", "one")
        self.assertEqual(self.tickets("--repo", self.repo), {"OPEN": 1})
        self.assertEqual(self.tickets("--repo", other), {})
        self.assertEqual(self.status("--repo", other)["workspace"], "app-2")
        for repo in (self.repo, other):  # one hub, one log; it says so when `start` has heard of it already
            wait_until(lambda repo=repo: "the hub is ready" in self.coordhub("logs", "--repo", repo).stdout, "it is in the log")
        self.assertEqual(self.coordhub("stop", "--repo", other).returncode, 0)
        self.assertEqual(self.coordhub("status", "--repo", self.repo).returncode, NO_HUB)

    def test_a_long_path_gets_a_short_socket(self):
        repo = self.path("x" * 100, "y" * 100)
        make_repository(repo)
        runtime = self.path("run")
        os.mkdir(runtime, 0o700)
        self.env["XDG_RUNTIME_DIR"] = runtime
        self.start("--repo", repo)
        endpoint = self.endpoint(os.path.join(repo, ".git", "coordhub"))["endpoint"]
        self.assertTrue(endpoint.startswith(f"unix:{runtime}/"), endpoint)
        self.ctl("ticket", "create", "--title", "short", repo=repo)

    def test_files_are_this_users_alone(self):
        self.start("--tcp", "127.0.0.1:0")
        self.assertEqual(stat.S_IMODE(os.stat(self.state).st_mode), 0o700)
        for name in ("workspace.key", "operator-token", "endpoint", "hub.pid", "hub.sock", "journal.sqlite3", "lock"):
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.state, name)).st_mode), 0o600, name)
        self.assertRegex(self.endpoint()["tcp"], r"^127\.0\.0\.1:[0-9]+$")

    def test_shared_state_shows_the_tickets_and_stays_out_of_commits(self):
        self.start()
        tickets = os.path.join(self.repo, "shared_state", "tickets.md")
        wait_until(lambda: os.path.exists(tickets), "tickets.md is there")
        self.ctl("ticket", "create", "--title", "Mend the fence")

        def lines():
            with open(tickets, encoding="utf-8") as f:
                return f.read().splitlines()

        wait_until(lambda: len(lines()) == 1, "the ticket is in tickets.md")
        self.assertRegex(lines()[0], r"^- \[[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}\] ticket: T-1 OPEN p2 Mend the fence$")
        changed = subprocess.run(["git", "-C", self.repo, "status", "--porcelain"], env=self.env, text=True,
                                 capture_output=True, check=True)
        self.assertEqual(changed.stdout, "")
        wait_until(lambda: self.status()["mirrored_revision"] == self.status()["head_revision"], "all is mirrored")
        self.coordhub("stop")
        with open(os.path.join(self.repo, "shared_state", "status.md"), encoding="utf-8") as f:
            self.assertIn("- Active processes: 0\n- Current branch: main\n", f.read())

    def test_a_mirror_elsewhere_in_the_worktree_stays_out_of_commits(self):
        self.start("--mirror-dir", os.path.join(self.repo, "docs", "[shared] state"), "--repo", self.repo)
        os.mkdir(os.path.join(self.repo, "docs"))
        wait_until(lambda: os.path.exists(os.path.join(self.repo, "docs", "[shared] state", "status.md")), "it is there")
        changed = subprocess.run(["git", "-C", self.repo, "status", "--porcelain", "-uall"], env=self.env, text=True,
                                 capture_output=True, check=True)
        self.assertEqual(changed.stdout, "")

    def test_a_tracked_shared_state_is_told_in_the_status(self):
        shared = os.path.join(self.repo, "shared_state")
        os.mkdir(shared)
        with open(os.path.join(shared, "notes.md"), "w", encoding="utf-8") as f:
            f.write("kept\n")
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
        for args in (("add", "shared_state"), ("commit", "-qm", "too much")):
            subprocess.run(["git", "-C", self.repo, *identity, *args], check=True, env=self.env)
        self.start()

        def told():
            done = subprocess.run([COORDCTL, "status"], cwd=self.repo, env=self.env, text=True, capture_output=True,
                                  check=False, timeout=60)
            return "git rm -r --cached shared_state" in done.stdout + done.stderr

        wait_until(told, "the status says what to do")

    def test_trouble_with_shared_state_is_shown_and_heals(self):
        shared = os.path.join(self.repo, "shared_state")
        with open(shared, "w", encoding="utf-8") as f:
            f.write("in the way\n")
        self.start()
        wait_until(lambda: "must be a directory" in self.status()["mirror_problem"], "the trouble is shown")
        self.assertIn("FAILING", self.coordhub("status").stdout)
        os.remove(shared)
        wait_until(lambda: self.status()["mirror_problem"] == "", "it heals")
        self.assertTrue(os.path.exists(os.path.join(shared, "tickets.md")))

    def test_a_bare_repository_is_served_without_a_mirror(self):
        bare = self.path("bare.git")
        subprocess.run(["git", "init", "-q", "--bare", bare], check=True, env=self.env)
        self.start("--repo", bare)
        self.assertEqual(sorted(set(os.listdir(bare)) & {"shared_state", "coordhub"}), ["coordhub"])

    def test_nothing_is_written_beside_a_git_directory_that_has_no_worktree_there(self):
        bare, linked = self.path("yard", "app.git"), self.path("linked")
        for args in (("clone", "-q", "--bare", self.repo, bare), ("-C", bare, "worktree", "add", "-q", linked, "-b", "w"),
                     ("-C", linked, "sparse-checkout", "set", "src")):
            subprocess.run(["git", *args], check=True, env=self.env, capture_output=True)
        apart = self.path("apart")
        subprocess.run(["git", "init", "-q", f"--separate-git-dir={self.path('yard', 'gd')}", apart], check=True,
                       env=self.env)
        for where in (bare, linked, apart):
            with self.subTest(where):
                self.start("--repo", where)
                # Which writes shared_state/ a last time.
                self.assertEqual(self.coordhub("stop", "--repo", where).returncode, 0)
                self.assertEqual(sorted(os.listdir(self.path("yard"))), ["app.git", "gd"])
        self.assertTrue(os.path.exists(os.path.join(apart, "shared_state", "status.md")))


class OddPaths(HubCase):
    def test_a_hub_is_found_whatever_its_path_means_in_a_uri(self):
        repo = self.path("c#-app%20?x")
        make_repository(repo)
        self.start("--repo", repo)
        shown = self.coordhub("status", cwd=repo)
        self.assertEqual(shown.returncode, 0, shown.stdout + shown.stderr)
        self.assertIn("running", shown.stdout)


class Restore(HubCase):
    def test_a_backup_serves_again_under_another_log_id(self):
        self.start()
        self.ctl("ticket", "create", "--title", "before")
        before = self.status()["log_id"]
        self.ctl("hub", "backup", self.path("backup"))
        self.ctl("ticket", "create", "--title", "after")
        refused = self.coordhub("restore", self.path("backup"))
        self.assertNotEqual(refused.returncode, 0, "nothing is overwritten")
        self.coordhub("stop")
        os.rename(self.state, self.path("old-state"))

        with open(os.path.join(self.repo, "shared_state", "tickets.md"), "a", encoding="utf-8") as f:
            f.write("appended meanwhile\n")
        restored = self.coordhub("restore", self.path("backup"))
        self.assertEqual(restored.returncode, 0, restored.stderr)
        with open(os.path.join(self.state, "tickets.before-restore.md"), encoding="utf-8") as f:
            self.assertIn("T-2 OPEN p2 after\n", f.read())
        self.start()
        wait_until(lambda: self.tickets() == {"OPEN": 2}, "what was appended is a ticket")
        titles = [t["title"] for t in json.loads(self.ctl("ticket", "list", "--all", "--json").stdout)]
        self.assertEqual(titles, ["before", "appended meanwhile"], "and what the backup does not have is not")
        self.assertNotEqual(self.status()["log_id"], before)

    def test_the_mirror_and_the_state_may_be_elsewhere(self):
        places = ("--state-dir", self.path("state"), "--mirror-dir", self.path("mirror"))
        self.start(*places)
        self.ctl("ticket", "create", "--title", "before")
        self.ctl("hub", "backup", self.path("backup"))
        self.ctl("ticket", "create", "--title", "after")
        self.wait_until_mirrored()
        self.coordhub("stop")
        os.rename(self.path("state"), self.path("old-state"))
        restored = self.coordhub("restore", *places, self.path("backup"))
        self.assertEqual(restored.returncode, 0, restored.stderr)
        self.start("--mirror-dir", self.path("mirror"))
        self.assertEqual(self.endpoint()["state_dir"], self.path("state"))
        self.wait_until_mirrored()
        self.assertEqual(self.tickets(), {"OPEN": 1}, "the one that the backup does not have is no new one")

    def test_a_backup_under_load_serves_again_whole(self):
        self.start()
        # A file holds any number of answers; a pipe that nobody reads meanwhile would hold up the writer.
        with open(self.path("answers"), "wb") as answers:
            writer = subprocess.Popen(
                [os.path.join(BIN, "load_writer"), "--endpoint", self.endpoint()["endpoint"], "--name", "load"],
                stdin=subprocess.DEVNULL, stdout=answers, env=self.env)
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)

        def answers_after(count):
            """All whole lines, once there are a hundred beyond those."""
            def lines():
                self.assertIsNone(writer.poll(), "the writer goes on")
                with open(self.path("answers"), encoding="utf-8") as f:
                    whole = f.read().split("\n")[:-1]
                return whole if len(whole) >= count + 100 else None

            return wait_until(lines, "the writer is answered", 60)

        answered = answers_after(0)
        backup = json.loads(self.ctl("hub", "backup", self.path("backup"), "--json").stdout)
        answers_after(len(answered))
        writer.terminate()
        self.assertEqual(writer.wait(timeout=60), 0)
        before = self.status()
        self.assertGreater(before["head_revision"], int(backup["revision"]), "the writer went on")
        self.coordhub("stop")
        os.rename(self.state, self.path("old-state"))

        restored = self.coordhub("restore", self.path("backup"))
        self.assertEqual(restored.returncode, 0, restored.stderr)
        self.start()
        self.assertNotEqual(self.status()["log_id"], before["log_id"])
        verified = json.loads(self.ctl("hub", "verify", "--json").stdout)
        self.assertGreaterEqual(int(verified["checkedEvents"]), int(backup["revision"]))
        states = {t["title"]: t["state"] for t in json.loads(self.ctl("ticket", "list", "--all", "--json").stdout)}
        for line in answered:
            deed, title = line.split()
            self.assertIn(title, states)
            if deed == "cancelled":
                self.assertEqual(states[title], "STATE_CANCELLED")


if __name__ == "__main__":
    unittest.main(verbosity=1)
