"""The scripts that coordinated conversations before the hub (tests/e2e/seed), run in a place of their own."""

import os
import re
import signal
import subprocess

import processes

SEED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "seed")
INTERVAL = "0.3"  # seconds between two steps of a loop
LOGS = ("background_monitor.log", "conversation_coordinator.log", "communication_daemon.log")
PID_FILES = ("background_monitor.pid", "conversation_coordinator.pid", "communication_daemon.pid")
STARTS = ("start_background_monitoring", "start_conversation_coordinator", "start_communication_daemon")


def script_text(directory):
    """All functions, with `directory` for /tmp and a shorter sleep; otherwise word for word."""
    text = ""
    for name in sorted(os.listdir(SEED)):
        if name.endswith(".sh"):
            with open(os.path.join(SEED, name), encoding="utf-8") as f:
                text += f.read()
    return re.sub(r"\bsleep \d+", f"sleep {INTERVAL}", text.replace("/tmp/", directory + "/"))


class Seed:
    """The scripts in the worktree `repo`; their logs and pid files are in `directory`."""

    def __init__(self, repo, directory, env, date=None):
        self.repo = repo
        self.directory = directory
        self.env = env
        os.makedirs(directory, exist_ok=True)
        self.script = os.path.join(directory, "seed-functions")
        with open(self.script, "w", encoding="utf-8") as f:
            f.write(script_text(directory))
            if date is not None:  # the clock that the scripts see
                f.write(f"date() {{ echo '{date}'; }}\n")

    def run(self, *commands):
        """Runs functions of the scripts; returns what they print."""
        body = f"source '{self.script}'\n" + "\n".join(commands) + "\n"
        done = subprocess.run(["bash", "-c", body], cwd=self.repo, env=self.env, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=True)
        return done.stdout

    def start_loops(self):
        # The loops outlive their shell and would hold its pipe.
        body = f"source '{self.script}'\n" + "\n".join(STARTS) + "\n"
        subprocess.run(["bash", "-c", body], cwd=self.repo, env=self.env, stdin=subprocess.DEVNULL, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

    def stop(self):
        return self.run("stop_all_background_processes")

    def status(self):
        return [line for line in self.run("check_background_status").splitlines() if line[:1] in "✓✗"]

    def pids(self):
        pids = []
        for name in PID_FILES:
            path = os.path.join(self.directory, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as f:
                    pids.append(int(f.read()))
        return pids

    def end(self):
        """Whatever happened: no loop outlives its test."""
        for pid in self.pids():
            try:
                processes.send(pid, signal.SIGKILL, lambda pid: self.script.encode() in b" ".join(processes.command_of(pid)))
            except (ProcessLookupError, ValueError):
                continue

    def log(self, name):
        path = os.path.join(self.directory, name)
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def blocks(self, name):
        """What each complete step wrote into a log, without its time and with its place called WORKTREE."""
        text = re.sub(r"^\[[^\]]*\] ", "[] ", self.log(name), flags=re.MULTILINE).replace(self.repo, "WORKTREE")
        steps = text.split("[] ")[1:]
        return steps[:-1]  # the last one may still be written
