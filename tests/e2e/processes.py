"""Processes in the tests that are written in Python: beside `subprocess`, the one place that waits and sends signals. To
kill(2) the id -1 is every process of the machine and 0 every one near, so nothing is ever sent to an id that is not that
of one process. tests/tools/check_layers sees to it that nobody calls `os.kill` and the like elsewhere."""

import os
import pty
import signal
import time
import unittest


def send(pid, number, only_if=lambda pid: True):
    """A signal to one process, held meanwhile so that its id cannot become another's: to none of which `only_if` says
    no. ProcessLookupError: there is none."""
    if pid <= 0:
        raise ValueError(f"{pid} is not the id of a process")
    held = os.pidfd_open(pid)
    try:
        if only_if(pid):
            signal.pidfd_send_signal(held, number)
    finally:
        os.close(held)


def command_of(pid):
    """The words with which it was started; none if it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().split(b"\0")
    except OSError:  # before it was opened, or since
        return []


def end_session(process):
    """Ends a subprocess that was started with start_new_session, in its own way, and then whatever it started."""
    process.terminate()
    # Not reaped yet, it keeps its id, and with it its group's.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    if process.pid > 1 and os.getpgid(process.pid) == process.pid:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run_measured(command, env, output):
    """Seconds from start to end, and of the processor, of a program that must succeed."""
    began = time.monotonic()
    pid = os.posix_spawn(command[0], command, env, file_actions=[(os.POSIX_SPAWN_DUP2, output, 1)])
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - began
    if status != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return wall, usage.ru_utime + usage.ru_stime


def open_terminal():
    """(the test's end, the programs' end); a test that cannot have one is skipped by name."""
    try:
        return pty.openpty()
    except OSError as error:
        raise unittest.SkipTest(f"needs what this machine does not have: a pseudo terminal ({error})") from error
