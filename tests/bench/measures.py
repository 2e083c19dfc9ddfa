"""What the programs that measure a whole hub have in common."""

import os
import subprocess
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")


def say(text):
    print(text, file=sys.stderr, flush=True)


def git(repo, *args, **options):
    return subprocess.run(["git", "-C", repo, *args], check=True, capture_output=True, text=True, **options).stdout


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"{os.path.basename(sys.argv[0])}: what was waited for did not happen")
        time.sleep(0.005)


def process_cpu(pid):
    """Of the process and of the children that it waited for (git), in user mode and in the kernel; seconds."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / TICK


def resident_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))
