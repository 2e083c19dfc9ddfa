"""The servers that are measured, each in a process of its own, on scratch data."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import processes  # noqa: E402,F401
from hub_process import BIN, COORDCTL, Hub, make_repository, wait_until  # noqa: E402

LOAD = os.path.join(BIN, "bench_load")
ONE_ECHO = os.path.join(BIN, "bench_one_echo")
REFERENCE = os.path.join(BIN, "bench_reference")


class HubServer:
    """A hub as it comes, on an empty repository."""
    name = "hub"

    def __init__(self, transport):
        self.hub = Hub(args=["--tcp", "127.0.0.1:0"] if transport == "tcp" else [])
        self.transport = transport

    def __enter__(self):
        self.hub.start()
        self.pid = self.hub.process.pid
        self.target = self.hub.endpoint["endpoint"]
        return self

    def restart(self):
        """Ends it gracefully and starts it again; gives the seconds until it serves."""
        self.hub.terminate()
        began = time.monotonic()
        self.hub.start()
        self.pid = self.hub.process.pid
        self.target = self.hub.endpoint["endpoint"]
        return time.monotonic() - began

    def __exit__(self, *unused):
        self.hub.__exit__()


class ReferenceServer:
    """gRPC with nothing behind it; its log lies beside where a hub's would."""
    name = "reference"

    def __init__(self, transport):
        self.directory = tempfile.mkdtemp(prefix="coordhub-bench-")
        self.transport = transport

    def __enter__(self):
        address = f"unix:{self.directory}/sock" if self.transport == "unix" else "127.0.0.1:0"
        self.process = subprocess.Popen([REFERENCE, address, f"{self.directory}/log"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        port = self.process.stdout.readline().strip()
        self.pid = self.process.pid
        self.target = address if self.transport == "unix" else f"127.0.0.1:{port}"
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait(timeout=30)
        shutil.rmtree(self.directory, ignore_errors=True)


class EtcdServer:
    """etcd, where it is installed, on a fresh directory and ports of its own."""
    name = "etcd"

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="coordhub-bench-")

    @staticmethod
    def installed():
        return shutil.which("etcd") is not None

    def __enter__(self):
        client, peer = free_port(), free_port()
        self.target = f"127.0.0.1:{client}"
        self.process = subprocess.Popen(
            ["etcd", "--data-dir", f"{self.directory}/data", "--listen-client-urls", f"http://{self.target}",
             "--advertise-client-urls", f"http://{self.target}", "--listen-peer-urls", f"http://127.0.0.1:{peer}",
             "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
             "--initial-cluster", f"default=http://127.0.0.1:{peer}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        wait_until(self._serves, "etcd serves")
        return self

    def _serves(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", int(self.target.split(":")[1]))) == 0

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def load(server, kind, **options):
    """Runs one load to its end; gives what it measured."""
    command = [LOAD, kind, "--target", server.target, "--pid", str(server.pid)]
    for name, value in options.items():
        if value is True:
            command.append("--" + name.replace("_", "-"))
        elif value is not None and value is not False:
            command += ["--" + name.replace("_", "-"), str(value)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {result.returncode}")
    return json.loads(result.stdout)
