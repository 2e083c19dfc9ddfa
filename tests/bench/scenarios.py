"""What is measured: each scenario runs the hub and its references one after the other, and gives figures by name.

A figure is a dict as bench_load prints it. RATIOS says what is compared with what, and which ratio we want.
"""

import os
import shutil
import statistics
import subprocess

from servers import COORDCTL, ONE_ECHO, EtcdServer, HubServer, ReferenceServer, load, processes


class Setup:
    def __init__(self, transport, seconds, agents):
        self.transport = transport
        self.seconds = seconds
        self.agents = agents

    def hub(self):
        return HubServer(self.transport)

    def reference(self):
        return ReferenceServer(self.transport)

    def tickets(self, per_second):
        return int(per_second * (self.seconds + 1.2)) + 500


def claims(setup, in_flight):
    channels = min(4 if in_flight <= 256 else 8, in_flight)
    timing = {"in_flight": in_flight, "channels": channels, "seconds": setup.seconds}
    with setup.hub() as hub:
        tickets = setup.tickets(42_000 if in_flight >= 64 else 14_000)
        claim = load(hub, "claim", tickets=tickets, agents=tickets // 250 + 8, **timing)
    sizes = {"request_bytes": claim["request_bytes"], "answer_bytes": claim["response_bytes"]}
    with setup.reference() as reference:
        durable = load(reference, "durable-echo", **sizes, **timing)
        echo = load(reference, "echo", **sizes, **timing)
    figures = {}
    if EtcdServer.installed():
        with EtcdServer() as etcd:
            figures["etcd transaction"] = load(etcd, "etcd-txn", answer_bytes=sizes["answer_bytes"], **timing)
        with EtcdServer() as etcd:
            figures["etcd put"] = load(etcd, "etcd-put", answer_bytes=sizes["answer_bytes"], **timing)
    with setup.hub() as hub:
        pairs = load(hub, "pairs", tickets=setup.tickets(20_000), agents=in_flight, **timing)
    return {"claim": claim, "durable echo": durable, "echo": echo, "claim and complete": pairs, **figures}


# Claims offered a second; and the numbers of watchers that fan-out is measured with.
LOAD_STEPS = (500, 1_000, 2_000, 4_000, 8_000, 12_000, 16_000)
FAN_OUT_WATCHERS = (1, 10, 100, 1_000)


def load_curve(setup):
    """Latency against load, open loop: what waits because the server is behind counts as its latency."""
    figures = {}
    for rate in LOAD_STEPS:
        timing = {"in_flight": 1_000, "channels": 8, "seconds": setup.seconds, "rate": rate}
        with setup.hub() as hub:
            tickets = setup.tickets(rate)
            claim = load(hub, "claim", tickets=tickets, agents=tickets // 250 + 8, **timing)
        figures[f"claim at {rate}"] = claim
        with setup.reference() as reference:
            figures[f"durable echo at {rate}"] = load(reference, "durable-echo", request_bytes=claim["request_bytes"],
                                                      answer_bytes=claim["response_bytes"], **timing)
    return figures


def bulk(setup):
    with setup.hub() as hub:
        mutations = load(hub, "mutations", in_flight=64, streams=16, channels=4, per_message=64, seconds=setup.seconds)
    with setup.reference() as reference:
        stream = load(reference, "echo-stream", in_flight=64, streams=16, channels=4, seconds=setup.seconds)
    return {"mutations": mutations, "echo stream": stream}


def reads(setup):
    timing = {"in_flight": 64, "seconds": setup.seconds}
    with setup.hub() as hub:
        get = load(hub, "get", tickets=1000, writes=1000, **timing)
    with setup.hub() as hub:
        listing = load(hub, "list", tickets=1000, writes=1000, **timing)
    sizes = {"request_bytes": get["request_bytes"], "answer_bytes": get["response_bytes"]}
    with setup.reference() as reference:
        echo = load(reference, "echo", **sizes, **timing)
        beside = load(reference, "echo", writes=1000, **sizes, **timing)
    paced = {"in_flight": 64, "rate": 1000, "tickets": 10_000, "seconds": setup.seconds}
    with setup.hub() as hub:
        alone = load(hub, "get", **paced)
        heavy = load(hub, "get", heavy_reads=50, **paced)
    return {"get": get, "list": listing, "echo": echo, "echo beside durable ones": beside, "get at 1000/s": alone,
            "get beside heavy reads": heavy}


def fan_out(setup, watchers):
    window = {1: 64, 10: 32, 100: 16}.get(watchers, 8)
    timing = {"watchers": watchers, "channels": min(watchers, 1000), "window": window, "seconds": setup.seconds}
    with setup.hub() as hub:
        flat = load(hub, "fan-out", **timing)
    with setup.reference() as reference:
        plain = load(reference, "reference-fan-out", **timing)
        coalesced = load(reference, "reference-fan-out-coalesced", **timing)
    figures = {"watch": flat, "stream": plain, "coalesced stream": coalesced}
    if EtcdServer.installed():
        with EtcdServer() as etcd:
            figures["etcd watch"] = load(etcd, "etcd-fan-out", **timing)
    return figures


def paced(setup, watchers):
    timing = {"watchers": watchers, "channels": watchers, "rate": 100, "seconds": setup.seconds + 1}
    with setup.hub() as hub:
        watch = load(hub, "fan-out", **timing)
    with setup.reference() as reference:
        stream = load(reference, "reference-fan-out", **timing)
    return {"watch": watch, "stream": stream}


def filtered(setup):
    timing = {"watchers": 100, "channels": 100, "rate": 500, "seconds": setup.seconds + 1}
    with setup.hub() as hub:
        nobody = load(hub, "fan-out", **{**timing, "watchers": 0})
    with setup.hub() as hub:
        everything = load(hub, "fan-out", **timing)
    with setup.hub() as hub:
        few = load(hub, "fan-out", filtered=True, **timing)
    for figure in (nobody, everything, few):
        figure["server_us_per_event"] = figure["server_seconds"] * 1e6 / max(1, figure["published"])
        # Less what the mutation costs that makes the event.
        figure["watch_us_per_event"] = figure["server_us_per_event"] - nobody["server_us_per_event"]
    return {"nobody watches": nobody, "unfiltered": everything, "filtered": few}


def idle(setup):
    # A minute: bookmarks come every minute, clients beat every 20 s.
    timing = {"seconds": 30 * setup.seconds, "idle_agents": setup.agents}
    with setup.hub() as hub:
        figures = {"agents": load(hub, "idle", **timing)}
    with setup.reference() as reference:
        figures["streams"] = load(reference, "reference-idle", **timing)
    if EtcdServer.installed():
        with EtcdServer() as etcd:
            figures["etcd"] = load(etcd, "etcd-idle", **timing)
    return figures


def keep_alive(setup):
    with setup.hub() as hub:
        beats = load(hub, "keep-alive", streams=64, channels=4, seconds=setup.seconds)
    with setup.reference() as reference:
        echoes = load(reference, "echo-stream", streams=64, channels=4, in_flight=1, seconds=setup.seconds, request_bytes=2,
                      answer_bytes=30)
    figures = {"beats": beats, "echo stream": echoes}
    if EtcdServer.installed():
        with EtcdServer() as etcd:
            figures["etcd leases"] = load(etcd, "etcd-keep-alive", streams=64, channels=4, seconds=setup.seconds)
    return figures


def resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def workspace(setup, tickets):
    """Claims one at a time, memory and restart of a workspace of so many open tickets."""
    with setup.hub() as hub:
        empty = resident(hub.pid)
        rate = 200  # so few that the workspace keeps its size
        load(hub, "get", tickets=tickets, in_flight=1, seconds=0.1, warm_up=0.1)
        full = resident(hub.pid)
        claim = load(hub, "claim", tickets=int(rate * (setup.seconds + 1.5)), agents=12, in_flight=8, channels=1, rate=rate,
                     seconds=setup.seconds)
        restart = hub.restart()
    claim["bytes_per_ticket"] = (full - empty) / tickets
    claim["restart_seconds"] = restart
    return {"claim": claim}


def sqlite_insert(directory):
    """The same by SQLite's own program, where it is installed: as a script would call it, so with a rollback journal."""
    program, database = shutil.which("sqlite3"), os.path.join(directory, "tickets.db")
    if program is None:
        return {}
    table = "CREATE TABLE tickets(id INTEGER PRIMARY KEY, title TEXT, state TEXT)"
    subprocess.run([program, database, table], check=True)
    return {"sqlite3": [program, database, "INSERT INTO tickets(title, state) VALUES('one', 'OPEN')"]}


def process(setup, runs=60):
    """A whole process that makes one call, ours and others by turns: what disturbs one disturbs the other."""
    with setup.hub() as hub, setup.reference() as reference, open(os.devnull, "wb") as null:
        commands = {"coordctl": [COORDCTL, "ticket", "create", "--title", "one"],
                    "bare client": [ONE_ECHO, reference.target],
                    **sqlite_insert(os.path.dirname(hub.hub.repo))}
        times = {name: [] for name in commands}
        before = os.getcwd()
        os.chdir(hub.hub.repo)
        try:
            for _ in range(runs):
                for name, command in commands.items():
                    times[name].append(processes.run_measured(command, hub.hub.env, null.fileno()))
        finally:
            os.chdir(before)
    return {name: {"p50_us": statistics.median(wall for wall, _ in of) * 1e6,
                   "processor_us": statistics.median(cpu for _, cpu in of) * 1e6} for name, of in times.items()}


SCENARIOS = {
    "claims-1": lambda s: claims(s, 1),
    "claims-8": lambda s: claims(s, 8),
    "claims-64": lambda s: claims(s, 64),
    "claims-256": lambda s: claims(s, 256),
    "claims-1000": lambda s: claims(s, 1_000),
    "load-curve": load_curve,
    "bulk": bulk,
    "reads": reads,
    "fan-out-1": lambda s: fan_out(s, 1),
    "fan-out-10": lambda s: fan_out(s, 10),
    "fan-out-100": lambda s: fan_out(s, 100),
    "fan-out-1000": lambda s: fan_out(s, 1000),
    "paced-100": lambda s: paced(s, 100),
    "filtered": filtered,
    "idle": idle,
    "keep-alive": keep_alive,
    "workspace-1000": lambda s: workspace(s, 1_000),
    "workspace-100000": lambda s: workspace(s, 100_000),
    "workspace-1000000": lambda s: workspace(s, 1_000_000),
    "process": process,
}

# (what, figure, measure, divided by: figure of the scenario or "scenario/figure", at least | at most | "": as measured, how
# much)
RATIOS = [
    ("claims, 64 in flight, to durable echo", "claims-64/claim", "per_second", "claims-64/durable echo", ">=", 0.85),
    ("claims, 64 in flight, to bare echo", "claims-64/claim", "per_second", "claims-64/echo", ">=", 0.40),
    ("their processor time, to durable echo", "claims-64/claim", "server_us_per_operation", "claims-64/durable echo",
     "<=", 1.5),
    ("claims, 64 in flight, to etcd's transaction", "claims-64/claim", "per_second", "claims-64/etcd transaction", ">=", 3),
    ("claims, 256 in flight, to etcd's transaction", "claims-256/claim", "per_second", "claims-256/etcd transaction", ">=",
     4),
    ("pairs of claim and completion, 64 in flight, to claims", "claims-64/claim and complete", "per_second", "claims-64/claim",
     "", 0),
    ("claim, one client, p50, to durable echo", "claims-1/claim", "p50_us", "claims-1/durable echo", "<=", 1.4),
    ("claim, 8 clients, p99, to durable echo", "claims-8/claim", "p99_us", "claims-8/durable echo", "<=", 2.0),
    ("mutations in streams, to bare echo stream", "bulk/mutations", "per_second", "bulk/echo stream", ">=", 0.5),
    ("GetTicket under 1,000 writes/s, to bare echo", "reads/get", "per_second", "reads/echo", ">=", 0.7),
    ("the same, to one beside as many durable echoes", "reads/get", "per_second", "reads/echo beside durable ones", "", 0),
    ("GetTicket at 1,000/s, p99 beside 50 heavy reads/s, to alone", "reads/get beside heavy reads", "p99_us",
     "reads/get at 1000/s", "<=", 3),
    ("100 watchers flat out, to coalesced stream", "fan-out-100/watch", "per_second", "fan-out-100/coalesced stream",
     ">=", 0.5),
    ("100 watchers flat out, to plain stream", "fan-out-100/watch", "per_second", "fan-out-100/stream", ">=", 1.5),
    ("100 watchers flat out, to etcd's watch", "fan-out-100/watch", "per_second", "fan-out-100/etcd watch", ">=", 1.7),
    ("KeepAlive at 64 streams, to etcd's leases", "keep-alive/beats", "per_second", "keep-alive/etcd leases", ">=", 2),
    ("100 watchers at 100/s, p99, to plain stream", "paced-100/watch", "p99_us", "paced-100/stream", "<=", 1.3),
    ("processor time an event, filter for 1 %", "filtered/filtered", "server_us_per_event", "filtered/unfiltered", "<=",
     0.2),
    ("the same, without that of the mutation", "filtered/filtered", "watch_us_per_event", "filtered/unfiltered", "<=", 0.2),
    ("memory of 1,000 idle agents, to bare streams", "idle/agents", "server_resident_bytes", "idle/streams", "<=", 1.5),
    ("memory of 1,000 idle agents, to etcd's watches and leases", "idle/agents", "server_resident_bytes", "idle/etcd", "<=",
     0.6),
    ("claim p50, 100,000 tickets, to 1,000", "workspace-100000/claim", "p50_us", "workspace-1000/claim", "<=", 1.2),
    ("claim p50, 1,000,000 tickets, to 1,000", "workspace-1000000/claim", "p50_us", "workspace-1000/claim", "<=", 1.5),
    ("coordctl ticket create, to a bare client's echo", "process/coordctl", "p50_us", "process/bare client", "<=", 2.0),
    ("its processor time, to the bare client's", "process/coordctl", "processor_us", "process/bare client", "<=", 2.0),
    ("coordctl ticket create, to an insert by sqlite3", "process/coordctl", "p50_us", "process/sqlite3", "", 0),
]

# (what, figure, measure, at least | at most, how much, unit)
BOUNDS = [
    ("processor share of 1,000 idle agents", "idle/agents", "server_share", "<=", 0.01, ""),
    ("memory an open ticket", "workspace-100000/claim", "bytes_per_ticket", "<=", 1536, "bytes"),
    ("restart, 100,000 tickets", "workspace-100000/claim", "restart_seconds", "<=", 2, "s"),
    ("restart, 1,000,000 tickets", "workspace-1000000/claim", "restart_seconds", "<=", 15, "s"),
]
