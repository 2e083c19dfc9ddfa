#!/usr/bin/env python3
"""`coordctl status`, `debug` and `maintain` on a real hub, and on what one leaves behind."""

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "e2e"))
import processes  # noqa: E402
from hub_process import COORDCTL, Hub, clean_environment, make_repository, wait_until  # noqa: E402

OK, FAILED, USAGE, NOT_FOUND, REFUSED, NO_HUB = 0, 1, 2, 3, 4, 6
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class HubTest(unittest.TestCase):
    def setUp(self):
        self.hub = Hub().start()
        self.addCleanup(self.hub.__exit__)

    def ctl(self, *args, code=OK, **kwargs):
        done = self.hub.ctl(*args, check=False, **kwargs)
        self.assertEqual(done.returncode, code, f"{args}\n{done.stdout}{done.stderr}")
        return done

    def git(self, *args, directory=None):
        env = dict(clean_environment(), GIT_AUTHOR_NAME="t", GIT_AUTHOR_EMAIL="t@example.invalid",
                   GIT_COMMITTER_NAME="t", GIT_COMMITTER_EMAIL="t@example.invalid")
        return subprocess.run(["git", "-C", directory or self.hub.repo, *args], env=env, check=True, text=True,
                              capture_output=True).stdout

    def findings(self, code):
        return json.loads(self.ctl("debug", "--json", code=code).stdout)["findings"]

    def troubles(self, code=FAILED):
        return [f for f in self.findings(code) if f["level"] != "FINE"]


class Loops(HubTest):
    def loops(self):
        return {loop["loopId"]: loop for loop in json.loads(self.ctl("loop", "list", "--json").stdout)}

    def test_are_listed(self):
        self.assertEqual(set(self.loops()), {"monitor", "coordinator", "comms"})
        lines = [line.split("\t") for line in self.ctl("loop", "list").stdout.splitlines()]
        self.assertEqual(sorted(line[0] for line in lines), ["comms", "coordinator", "monitor"])
        self.assertEqual({line[1] for line in lines}, {"RUNNING"})

    def test_are_stepped_at_once(self):
        before = int(self.loops()["monitor"].get("stepCount", 0))
        self.ctl("loop", "step", "monitor")
        self.assertGreater(int(self.loops()["monitor"]["stepCount"]), before)

    def test_pause_until_they_are_resumed(self):
        paused = json.loads(self.ctl("loop", "pause", "comms", "--json").stdout)
        self.assertEqual(paused["loop"]["state"], "STATE_PAUSED")
        self.assertIn("coordctl --as operator loop resume comms", self.ctl("debug", code=FAILED).stdout)
        self.assertRegex(self.ctl("loop", "resume", "comms").stdout, "^comms\tRUNNING\t")
        self.assertEqual(self.loops()["comms"]["state"], "STATE_RUNNING")

    def test_are_the_operators(self):
        token = os.path.join(self.hub.directory, "t")
        self.ctl("agent", "register", "a", "--token-file", token)
        done = self.ctl("loop", "pause", "comms", env={"COORDHUB_SESSION": token}, code=REFUSED)
        self.assertIn("operator", done.stderr)
        self.assertEqual(self.loops()["comms"]["state"], "STATE_RUNNING")

    def test_that_there_are_not_are_named(self):
        self.assertIn("nosuch", self.ctl("loop", "step", "nosuch", code=NOT_FOUND).stderr)


class Status(HubTest):
    def test_says_everything_on_one_screen(self):
        self.ctl("agent", "register", "conversation-1", "--token-file", os.path.join(self.hub.directory, "t"))
        env = {"COORDHUB_SESSION": os.path.join(self.hub.directory, "t")}
        self.ctl("ticket", "create", "--title", "one")
        self.ctl("ticket", "create", "--title", "two")
        self.ctl("ticket", "claim", "2", env=env)
        text = self.ctl("status").stdout
        self.assertRegex(text, r"(?m)^✓ Hub: RUNNING \(PID: \d+, coordhub \S+, up \S+, workspace repo\)$")
        self.assertRegex(text, r"(?m)^1 OPEN, 1 CLAIMED")
        self.assertRegex(text, r"(?m)^conversation-1\tACTIVE\t")
        status = json.loads(self.ctl("status", "--json").stdout)
        self.assertTrue(status["healthy"])
        self.assertEqual(status["hub"]["caller"], "operator")
        self.assertEqual([c["ticketId"] for c in status["claims"]], ["T-2"])
        self.assertEqual([a["agentId"] for a in status["agents"]], ["conversation-1"])
        for loop in status["loops"]:
            self.assertIn(f"✓ {loop['title']}: RUNNING (", text)

    def test_a_claim_that_is_not_renewed_ends_soon(self):
        token = os.path.join(self.hub.directory, "t")
        self.ctl("agent", "register", "a", "--ttl", "10m", "--token-file", token)
        self.ctl("ticket", "create", "--title", "one")
        self.ctl("ticket", "claim", "1", "--claim-timeout", "30s", env={"COORDHUB_SESSION": token})
        claim = json.loads(self.ctl("status", "--json").stdout)["claims"][0]
        self.assertEqual((claim["agentId"], claim["endsBy"], claim["soon"]), ("a", "timeout", True))
        self.assertLessEqual(claim["secondsLeft"], 30)
        self.assertIn("Claims that end soon", self.ctl("status").stdout)

    def test_shows_nothing_of_an_agent_that_could_harm_a_terminal(self):
        self.ctl("agent", "register", "a", "--program", "\x1b]0;owned\x07x", "--token-file",
                 os.path.join(self.hub.directory, "t"), code=USAGE)
        self.ctl("agent", "register", "a", "--branch", "b", "--token-file", os.path.join(self.hub.directory, "t"))
        self.assertNotRegex(self.ctl("status").stdout, CONTROL)

    def test_without_a_hub_the_exit_code_says_so(self):
        self.hub.terminate()
        done = self.ctl("status", code=NO_HUB)
        self.assertIn("coordhub start", done.stderr)

    def test_is_fast(self):
        # As a whole process; the best of several, for other processes share this machine.
        def once():
            start = time.monotonic()
            self.ctl("status")
            return time.monotonic() - start
        self.assertLess(min(once() for _ in range(10)), 0.5)


class Debug(HubTest):
    def test_finds_nothing_wrong_with_a_sound_hub(self):
        wait_until(lambda: os.path.isdir(os.path.join(self.hub.repo, "shared_state")), "shared_state is there")
        done = self.ctl("debug", "--verify")
        self.assertNotIn("✗", done.stdout)
        self.assertIn("✓ journal: ", done.stdout)
        self.assertIn("events checked", done.stdout)

    def test_finds_nothing_wrong_in_a_linked_worktree_either(self):
        wait_until(lambda: os.path.isdir(os.path.join(self.hub.repo, "shared_state")), "shared_state is there")
        linked = os.path.join(self.hub.directory, "linked")
        self.git("worktree", "add", "-q", "-b", "task-1", linked)

        def debug():
            return subprocess.run([COORDCTL, "debug"], cwd=linked, env=self.hub.env, text=True, capture_output=True,
                                  check=False)

        # What the hub saw while git was making the worktree was not sound yet.
        wait_until(lambda: debug().returncode == OK, "the hub has seen the worktree whole")
        done = debug()
        self.assertEqual(done.returncode, OK, done.stdout + done.stderr)
        self.assertIn(f"✓ mirror: {self.hub.repo}/shared_state is there", done.stdout)

    def test_log_and_mirror_are_looked_for_where_the_hub_has_them(self):
        self.hub.terminate()
        mirror, logs = (os.path.join(self.hub.directory, name) for name in ("mirror", "logs"))
        os.mkdir(logs)
        self.hub.args += ["--mirror-dir", mirror, "--log-dir", logs]
        self.hub.start()
        wait_until(lambda: os.path.isdir(mirror), "the mirror is there")
        self.assertIn(f"✓ mirror: {mirror} is there", self.ctl("debug").stdout)
        with open(os.path.join(logs, "hub.log"), "a", encoding="utf-8") as f:
            f.write(json.dumps({"ts": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "level": "error",
                                "msg": "it smells of smoke"}) + "\n")
        self.assertTrue(any("it smells of smoke" in t["what"] for t in self.troubles()))

    def test_a_killed_hub(self):
        self.hub.kill()
        (trouble,) = [t for t in self.troubles() if t["level"] == "PROBLEM"]
        self.assertIn(f"process {self.hub.endpoint['pid']} ended without a farewell", trouble["what"])
        self.assertIn("coordhub start", trouble["advice"])

    def test_a_stopped_hub(self):
        self.hub.terminate()
        self.assertIn(("no hub runs", "coordhub start"), [(t["what"], t["advice"]) for t in self.troubles()])

    def test_a_hub_that_hangs(self):
        self.hub.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.hub.process.send_signal, signal.SIGCONT)
        done = self.ctl("--timeout", "1s", "debug", "--json", code=FAILED)
        advice = [f["advice"] for f in json.loads(done.stdout)["findings"] if f["level"] == "PROBLEM"]
        self.assertTrue(any("coordhub restart" in a for a in advice), advice)

    def test_secrets_and_directories_that_are_open(self):
        os.chmod(self.hub.state, 0o755)
        os.chmod(os.path.join(self.hub.state, "workspace.key"), 0o644)
        advice = [t["advice"] for t in self.troubles()]
        self.assertIn(f"chmod 700 {self.hub.state}", advice)
        self.assertIn(f"chmod 600 {self.hub.state}/workspace.key", advice)

    def test_a_damaged_journal(self):
        self.hub.terminate()
        with open(os.path.join(self.hub.state, "journal.sqlite3"), "r+b") as f:
            f.write(b"not a database")
        self.assertTrue(any("is no journal" in t["what"] for t in self.troubles()))

    def test_a_mirror_that_cannot_be_written(self):
        self.hub.terminate()
        path = os.path.join(self.hub.repo, "shared_state")
        subprocess.run(["rm", "-rf", path], check=True)
        with open(path, "w", encoding="utf-8"):
            pass
        self.assertIn(f"{path} is no directory", [t["what"] for t in self.troubles()])

    def test_stuck_and_buried_tickets(self):
        token = os.path.join(self.hub.directory, "t")
        self.ctl("agent", "register", "a", "--token-file", token)
        me = {"COORDHUB_SESSION": token}
        self.ctl("ticket", "create", "--title", "fails", "--max-attempts", "1")
        self.ctl("ticket", "create", "--title", "waits", "--depends", "1")
        self.ctl("ticket", "claim", "1", env=me)
        self.ctl("ticket", "fail", "1", "--reason", "no", env=me)
        troubles = [t["what"] for t in self.troubles() if t["area"] == "tickets"]
        self.assertTrue(any(t.startswith("stuck") and "T-2" in t for t in troubles), troubles)
        self.assertTrue(any(t.startswith("buried") and "T-1" in t for t in troubles), troubles)

    def test_outside_of_a_repository(self):
        done = subprocess.run([COORDCTL, "debug"], cwd="/", env=self.hub.env, text=True, capture_output=True,
                              check=False)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("what to do:", done.stdout)

    def test_a_repository_without_a_hub(self):
        repo = os.path.join(self.hub.directory, "fresh")
        make_repository(repo)
        done = subprocess.run([COORDCTL, "debug"], cwd=repo, env=self.hub.env, text=True, capture_output=True,
                              check=False)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("no hub was ever started", done.stdout)

    def secrets(self):
        token = os.path.join(self.hub.directory, "t")
        self.ctl("agent", "register", "a", "--token-file", token)
        self.ctl("agent", "register", "b", "--share-worktree")
        self.ctl("ticket", "create", "--title", "a title", "--body", "the-secret-body", env={"COORDHUB_SESSION": token})
        self.ctl("ticket", "comment", "1", "-m", "the-secret-comment", env={"COORDHUB_SESSION": token})
        with open(token, encoding="utf-8") as f:
            session = f.read().strip()
        with open(os.path.join(self.hub.state, "workspace.key"), encoding="utf-8") as f:
            key = f.read().strip()
        # A token that found its way into a log.
        with open(os.path.join(self.hub.state, "logs", "hub.log"), "a", encoding="utf-8") as f:
            f.write(json.dumps({"level": "info", "msg": f"who said {session}?"}) + "\n")
        return session, [session, session[8:], key, "the-secret-body", "the-secret-comment"]

    def archive(self, *args, env=None):
        path = os.path.join(self.hub.directory, "bundle.tar.gz")
        self.hub.ctl("debug", "--bundle", path, *args, check=False, env=env)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        with tarfile.open(path) as tar:
            return {m.name: tar.extractfile(m).read().decode(errors="replace") for m in tar.getmembers()}

    def test_the_bundle_has_what_helps_and_no_secrets(self):
        session, secrets = self.secrets()
        files = self.archive(env={"COORDHUB_SESSION": session})
        for name in ("findings.json", "environment.txt", "state-directory.txt", "overview.json", "tickets.jsonl",
                     "events.jsonl", "logs/hub.log"):
            self.assertIn("coordhub-debug/" + name, files)
        self.assertIn("a title", files["coordhub-debug/tickets.jsonl"])
        self.assertIn("EVENT_KIND_COMMENT_ADDED", files["coordhub-debug/events.jsonl"])
        self.assertIn("who said chs_", files["coordhub-debug/logs/hub.log"])
        for name, content in files.items():
            for secret in secrets:
                self.assertNotIn(secret, content, name)

    def test_the_bundle_of_a_dead_hub(self):
        _, secrets = self.secrets()
        self.hub.kill()
        files = self.archive()
        self.assertIn("ended without a farewell", files["coordhub-debug/findings.json"])
        for name, content in files.items():
            for secret in secrets:
                self.assertNotIn(secret, content, name)


class Agents(HubTest):
    def token(self):
        """Of the only session that is stored."""
        (path,) = [os.path.join(d, f) for d, _, files in os.walk(os.path.join(self.hub.state, "sessions")) for f in files]
        with open(path, encoding="utf-8") as f:
            return json.load(f)["token"]

    def claims(self):
        return [t["ticketId"] for t in json.loads(self.ctl("ticket", "list", "--state", "claimed", "--json").stdout)]

    def test_a_takeover_ends_the_session_that_is_stored_here(self):
        self.ctl("agent", "register", "a")
        before = self.token()
        self.ctl("ticket", "create", "--title", "one")
        fence = json.loads(self.ctl("ticket", "claim", "1", "--json").stdout)["ticket"]["claim"]["fence"]
        self.ctl("agent", "register", "a", "--takeover")
        self.assertNotEqual(self.token(), before)
        self.assertEqual(self.claims(), [])
        # The one before, thawed.
        done = self.ctl("ticket", "complete", "1", "--fence", fence, env={"COORDHUB_SESSION": before}, code=REFUSED)
        self.assertIn("SESSION_ENDED", done.stderr)

    def test_two_worktrees_do_not_share_a_session_by_its_name(self):
        self.ctl("agent", "register", "a")
        linked = os.path.join(self.hub.directory, "linked")
        self.git("worktree", "add", "-q", "-b", "task-1", linked)
        done = subprocess.run([COORDCTL, "agent", "register", "a"], cwd=linked, env=self.hub.env, text=True,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        self.assertIn("AGENT_ACTIVE", done.stderr)
        # A sub-agent in a worktree of its own has its parent all the same.
        subprocess.run([COORDCTL, "agent", "register", "a/b"], cwd=linked, env=self.hub.env, check=True,
                       capture_output=True)
        agent = json.loads(self.ctl("agent", "show", "a/b", "--json").stdout)["agent"]
        self.assertEqual(agent["parentAgentId"], "a")

    def test_looking_around_keeps_nobody_alive(self):
        self.ctl("agent", "register", "a", "--ttl", "5s")

        def expired():
            for command in (["status"], ["ticket", "list"], ["agent", "list"], ["watch", "--no-follow"]):
                self.ctl(*command)
            return "EXPIRED" in self.ctl("agent", "show", "a").stdout
        wait_until(expired, "a has expired although everybody looks")

    def test_an_orderly_restart_is_waited_for_by_the_same_agent(self):
        self.ctl("agent", "register", "a")
        self.hub.terminate()
        waiting = subprocess.Popen([COORDCTL, "--timeout", "60s", "--json", "ticket", "create", "--title", "patient"],
                                   cwd=self.hub.repo, env=self.hub.env, stdout=subprocess.PIPE, text=True)
        self.hub.start()
        out, _ = waiting.communicate(timeout=60)
        self.assertEqual(waiting.returncode, OK)
        self.assertEqual(json.loads(out)["ticket"]["creator"], "a")

    def test_a_repeated_request_happens_once(self):
        for _ in range(2):
            self.assertEqual(self.ctl("ticket", "create", "--title", "one", "--request-id", "r-1").stdout[:4], "T-1\t")
        self.ctl("agent", "register", "a")
        self.ctl("ticket", "claim", "1")
        fence = json.loads(self.ctl("ticket", "show", "1", "--json").stdout)["ticket"]["claim"]["fence"]
        for _ in range(2):
            self.assertIn("DONE", self.ctl("ticket", "complete", "1", "--fence", fence, "--request-id", "r-2").stdout)

    def test_an_import_that_is_refused_goes_on_when_it_is_mended(self):
        plan = os.path.join(self.hub.directory, "plan.jsonl")
        lines = [json.dumps({"title": f"t{i}"}) for i in range(600)]
        # Only the hub can see it: the parent waits, through T-1, for its child.
        self.ctl("ticket", "create", "--title", "child of the next")
        self.ctl("ticket", "create", "--title", "parent")
        self.ctl("ticket", "update", "1", "--parent", "2")
        bad = json.dumps({"title": "bad", "parent_ticket_id": "T-1", "dependencies": [{"ticket_id": "T-2"}]})
        with open(plan, "w", encoding="utf-8") as f:
            f.write("\n".join([*lines, bad]) + "\n")
        done = self.ctl("ticket", "import", plan, code=REFUSED)
        self.assertIn("500 of 601 tickets were imported; mend the file", done.stderr)
        with open(plan, "w", encoding="utf-8") as f:
            f.write("\n".join([*lines, json.dumps({"title": "good"})]) + "\n")
        self.ctl("agent", "register", "a")
        done = self.ctl("ticket", "import", plan)
        self.assertIn("500 of them were there already", done.stderr)
        self.assertEqual(len(self.ctl("ticket", "list").stdout.splitlines()), 2 + 601)


class Identity(HubTest):
    """Where an agent was, nobody is taken for the operator."""

    def lapse(self, name):
        wait_until(lambda: "EXPIRED" in self.ctl("--as", "operator", "agent", "show", name).stdout, f"{name} has expired")

    def expect_nobody(self):
        for _ in range(2):
            done = self.ctl("ticket", "cancel", "1", code=REFUSED)
            self.assertIn("coordctl agent register", done.stderr)
        self.assertIn("T-1", self.ctl("ticket", "list").stdout)

    def test_an_agent_that_expired_does_not_become_the_operator(self):
        self.ctl("ticket", "create", "--title", "another's")
        token = os.path.join(self.hub.directory, "b")
        self.ctl("agent", "register", "b", "--ttl", "1h", "--token-file", token)
        self.ctl("ticket", "claim", "1", env={"COORDHUB_SESSION": token})
        self.ctl("agent", "register", "a", "--ttl", "5s", "--share-worktree")
        held = subprocess.Popen([COORDCTL, "agent", "hold"], cwd=self.hub.repo, env=self.hub.env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        held.send_signal(signal.SIGSTOP)
        self.lapse("a")
        held.send_signal(signal.SIGCONT)
        held.communicate(timeout=60)
        self.assertEqual(held.returncode, REFUSED)  # it says so, and notes it
        self.expect_nobody()
        self.assertEqual(json.loads(self.ctl("me", "--json").stdout).get("caller", ""), "")
        self.ctl("--as", "operator", "ticket", "comment", "1", "-m", "by the operator")
        self.expect_nobody()
        self.ctl("agent", "register", "a", "--share-worktree")
        self.ctl("ticket", "comment", "1", "-m", "by a")

    def test_a_worktree_made_later_at_the_same_path_is_nobodys(self):
        path = os.path.join(self.hub.directory, "w")
        self.ctl("ticket", "create", "--title", "t")
        self.git("worktree", "add", "-q", path, "-b", "one")

        def there(*args):
            return subprocess.run([COORDCTL, *args], cwd=path, env=self.hub.env, text=True, capture_output=True)
        self.assertEqual(there("agent", "register", "one", "--ttl", "1h").returncode, OK)
        self.assertEqual(there("ticket", "next").returncode, OK)
        self.git("worktree", "remove", path)
        self.git("worktree", "add", "-q", path, "-b", "two")
        self.assertIn("operator", there("me").stdout)
        self.assertEqual(there("ticket", "complete", "-m", "by somebody else").returncode, REFUSED)
        # The hub knows places: the one before lives, and its place is this one.
        refused = there("agent", "register", "two")
        self.assertEqual(refused.returncode, REFUSED)
        self.assertRegex(refused.stderr, "the live agent one works in .*WORKTREE_HELD")
        self.assertIn("coordctl worktree add", refused.stderr)
        self.assertEqual(there("agent", "register", "two", "--share-worktree").returncode, OK)
        self.assertIn("you are: two", there("me").stdout)
        # The other way round: one that is moved keeps its agent.
        self.git("worktree", "move", path, path + "-moved")
        path += "-moved"
        self.assertIn("you are: two", there("me").stdout)


class Maintain(HubTest):
    def gone_worktree(self):
        path = os.path.join(self.hub.directory, "gone")
        self.git("worktree", "add", "-q", "-b", "task-1", path)
        subprocess.run(["rm", "-rf", path], check=True)

    def test_asks_only_where_somebody_can_answer(self):
        done = self.ctl("maintain", code=USAGE)
        self.assertIn("--yes", done.stderr)
        self.assertIn("--dry-run", done.stderr)

    def test_a_dry_run_changes_nothing(self):
        self.gone_worktree()
        done = self.ctl("maintain", "--dry-run")
        self.assertIn("worktrees whose directories are gone", done.stdout)
        self.assertIn("task-1", self.git("worktree", "list"))

    def test_does_what_is_safe_and_names_the_rest(self):
        self.gone_worktree()
        self.git("branch", "conversation-7")
        self.ctl("agent", "register", "a")
        self.ctl("agent", "leave", "a", "--as", "operator")
        self.ctl("agent", "register", "b", "--ttl", "5s")
        self.assertIn("--as operator", self.ctl("maintain", "--yes", code=REFUSED).stderr)
        done = json.loads(self.ctl("--as", "operator", "maintain", "--yes", "--json").stdout)
        self.assertTrue(all(chore["done"] for chore in done["toDo"]), done)
        self.assertTrue(any("verify" in chore["what"] for chore in done["toDo"]))
        self.assertNotIn("prunable", self.git("worktree", "list"))
        # Branches are named at most, never touched.
        self.assertIn("task-1", self.git("branch", "--list"))
        self.assertIn("conversation-7", self.git("branch", "--list"))

    def test_forgets_sessions_that_have_ended(self):
        self.ctl("agent", "register", "a", "--ttl", "5s")
        stored = os.path.join(self.hub.state, "sessions")
        count = lambda: sum(len(files) for _, _, files in os.walk(stored))  # noqa: E731
        self.assertEqual(count(), 1)
        wait_until(lambda: "EXPIRED" in self.ctl("--as", "operator", "agent", "show", "a").stdout, "a has expired")
        done = self.ctl("--as", "operator", "maintain", "--yes").stdout
        self.assertRegex(done, r"(?m)^✓ forget the stored tokens .*: a: 1 forgotten$")
        # That there was an agent is not forgotten: its worktree is still there.
        self.assertEqual(count(), 1)
        self.assertIn("agent register a", self.ctl("ticket", "create", "--title", "x", code=REFUSED).stderr)
        self.ctl("--as", "operator", "agent", "leave")
        self.assertEqual(count(), 0)
        self.ctl("ticket", "create", "--title", "x")

    def test_forgets_who_was_in_worktrees_that_are_gone(self):
        path = os.path.join(self.hub.directory, "w")
        self.git("worktree", "add", "-q", path, "-b", "one")
        for command in (["register", "one"], ["leave"]):
            subprocess.run([COORDCTL, "agent", *command], cwd=path, env=self.hub.env, check=True, capture_output=True)
        stored = os.path.join(self.hub.state, "sessions")
        count = lambda: sum(len(files) for _, _, files in os.walk(stored))  # noqa: E731
        self.ctl("maintain", "--yes")
        self.assertEqual(count(), 1)
        self.git("worktree", "remove", path)
        self.ctl("maintain", "--yes")
        self.assertEqual(count(), 0)

    def test_a_person_is_asked(self):
        for answer, expected in (("n\n", False), ("y\n", True)):
            with self.subTest(answer):
                output = self.in_terminal(["maintain"], answer)
                self.assertIn("[y/N]", output)
                self.assertEqual("sound" in output, expected, output)

    def in_terminal(self, args, answer):
        master, slave = processes.open_terminal()
        process = subprocess.Popen([COORDCTL, *args], cwd=self.hub.repo, env=self.hub.env, stdin=slave, stdout=slave,
                                   stderr=slave, start_new_session=True)
        os.close(slave)
        output = b""
        while b"[y/N] " not in output:
            output += os.read(master, 4096)
        os.write(master, answer.encode())
        try:
            while chunk := os.read(master, 4096):
                output += chunk
        except OSError:  # the terminal is closed when the program ends
            pass
        process.wait(timeout=60)
        os.close(master)
        return output.decode()


if __name__ == "__main__":
    unittest.main(verbosity=2)
