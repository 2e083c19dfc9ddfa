"""The curves of a run as SVG, drawn by gnuplot: latency against load, and fan-out against the number of watchers."""

import os
import shutil
import subprocess

from scenarios import FAN_OUT_WATCHERS, LOAD_STEPS


def latency_series(figures):
    """(title, [(offered a second, p50 ms, p99 ms)]) of the hub's claims and of the durable echo beside them."""
    for name, title in (("claim", "hub, durable claim"), ("durable echo", "gRPC with a synced log")):
        points = []
        for rate in LOAD_STEPS:
            figure = figures.get("load-curve", {}).get(f"{name} at {rate}")
            if figure:
                points.append((rate, figure["p50_us"] / 1e3, figure["p99_us"] / 1e3))
        yield title, points


def fan_out_series(figures):
    """(title, [(watchers, deliveries a second)]) of the hub's watch and of what is measured beside it."""
    for name, title in (("watch", "hub, every event durable first"), ("coalesced stream", "gRPC stream, coalesced"),
                        ("stream", "gRPC stream, one event a message"), ("etcd watch", "etcd watch")):
        points = []
        for watchers in FAN_OUT_WATCHERS:
            figure = figures.get(f"fan-out-{watchers}", {}).get(name)
            if figure:
                points.append((watchers, figure["per_second"]))
        yield title, points


def block(name, points):
    """A gnuplot data block."""
    return f"${name} << END\n" + "\n".join(" ".join(f"{value:g}" for value in point) for point in points) + "\nEND\n"


def script(path, title, xlabel, ylabel, series, columns):
    """`columns`: (column of a point, what its curve adds to the title, dash type)."""
    blocks, curves = [], []
    for number, (name, points) in enumerate(series):
        if not points:
            continue
        blocks.append(block(f"d{number}", points))
        for column, suffix, dash in columns:
            curves.append(f'$d{number} using 1:{column} with linespoints lc {number + 1} dt {dash} pt 7 ps 0.5 '
                          f'title "{name}{suffix}"')
    if not curves:
        return None
    return "".join(blocks) + f"""
set terminal svg size 760,420 background "white" font "sans,12"
set output "{path}"
set title "{title}"
set xlabel "{xlabel}"
set ylabel "{ylabel}"
set logscale xy
set key left top
set grid
plot {", ".join(curves)}
"""


def draw(figures, directory):
    """Writes latency.svg and fan-out.svg, those of which there are figures. Returns their paths."""
    if shutil.which("gnuplot") is None:
        raise FileNotFoundError("gnuplot is not installed (Debian: gnuplot-nox)")
    os.makedirs(directory, exist_ok=True)
    drawn = []
    for name, text in (
            ("latency.svg", lambda path: script(path, "Claims, open loop", "claims offered a second", "ms",
                                                latency_series(figures), ((2, ", p50", 1), (3, ", p99", 2)))),
            ("fan-out.svg", lambda path: script(path, "Fan-out, flat out", "watchers", "deliveries a second",
                                                fan_out_series(figures), ((2, "", 1),)))):
        path = os.path.join(directory, name)
        commands = text(path)
        if commands is None:
            continue
        subprocess.run(["gnuplot"], input=commands, text=True, check=True)
        drawn.append(path)
    return drawn
