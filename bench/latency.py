"""How long an event waits for the bridge: from when it is to be had on the queue until the double
has got the Invoke. Both moments are read from one clock, in one process.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from subprocess import Popen
from tempfile import TemporaryDirectory

from bench import process
from bench.bridge_run import LEAST, OURS, Bridge, running_bridge
from bench.doubles.process import RunningDouble, running_double
from bench.report.figures import rounded
from bench.report.row import Part, Row, Target
from bench.rounds import Rounds

_PAUSE_S = 10.0
"""The pause of the usual polling loop."""

_IDLE_PER_S = 20.0

MOST = 4000
"""Uploads that suffice to find the bridge's rate."""

_TARGETS = (Target(3, "figure"), Target(15, "figure"))


@dataclass(frozen=True, slots=True)
class Delays:
    """The median and the 99th percentile of the delays, in milliseconds; the shares of their cores
    that the bridge and the double took meanwhile.
    """

    median_ms: float
    worst_ms: float
    bridge_busy: float
    double_busy: float


def measure(
    scratch: Path,
    *,
    messages: int,
    seconds: float = 6.0,
    rounds: Rounds,
    report: Callable[[str], None],
) -> Part:
    """Ours and the least, nearly idle and at half of what ours can take; for some seconds each.

    Raises OutOfTime.
    """
    with _running(OURS, scratch) as (double, bridge):
        loads = {"idle": _IDLE_PER_S, "half load": _rate(double, bridge, messages) / 2}
        ours = [_delays(double, bridge, per_s, seconds) for per_s in loads.values()]
    rounds.check()
    with _running(LEAST, scratch) as (double, bridge):
        least = [_delays(double, bridge, per_s, seconds) for per_s in loads.values()]
    rows: list[Row] = []
    notes: list[str] = []
    for (load, per_s), our, lowest in zip(loads.items(), ours, least, strict=True):
        report(f"{load}: {our.median_ms:.2g} ms, 99th percentile {our.worst_ms:.2g} ms")
        rows += _rows(f"{load}, {rounded(per_s)} events/s", our, lowest)
        notes.append(
            f"{load.capitalize()}: ours took {our.bridge_busy:.0%} of its core, the double "
            f"{our.double_busy:.0%} of another."
        )
    return Part(
        name="latency",
        title="Added latency: from an event on the queue to its Invoke",
        usual_way=f"a loop that sleeps {_PAUSE_S:g} s between polls; computed, not waited for",
        least_way="batches over bare HTTP: nothing signed, nothing kept",
        rows=rows,
        notes=[
            "Events come at random moments.",
            "The double's own share is in the figures, and no more than the least's.",
            *notes,
        ],
    )


def _rows(load: str, ours: Delays, least: Delays) -> Iterator[Row]:
    usual_ms = (1000 * _PAUSE_S * 0.5, 1000 * _PAUSE_S * 0.99)
    names = (f"{load}: median", f"{load}: 99th percentile")
    our_ms, least_ms = ((one.median_ms, one.worst_ms) for one in (ours, least))
    columns = zip(names, usual_ms, our_ms, least_ms, _TARGETS, strict=True)
    for name, usual, our, lowest, target in columns:
        yield Row(name, "ms", usual, our, lowest, target=target)


@contextmanager
def _running(bridge: Bridge, scratch: Path) -> Iterator[tuple[RunningDouble, Popen[bytes]]]:
    with (
        TemporaryDirectory(dir=scratch) as folder,
        running_double() as double,
        running_bridge(bridge, double, Path(folder)) as started,
    ):
        yield double, started


def _rate(double: RunningDouble, bridge: Popen[bytes], messages: int) -> float:
    """Messages a second, when there is a backlog."""
    return messages / float(double.pass_through(messages, bridge)["seconds"])


def _delays(double: RunningDouble, bridge: Popen[bytes], per_s: float, seconds: float) -> Delays:
    """Measure the wait of events that arrive at an average rate, and the load it causes."""
    messages = max(2, round(per_s * seconds))
    began_s, double_s = time.monotonic(), double.stats()["cpu_s"]
    bridge_s = process.cpu_seconds(bridge.pid)
    stats = double.pass_through(messages, bridge, per_s)
    taken_s = time.monotonic() - began_s
    cuts = quantiles(double.delays_ms()[-messages:], n=100, method="inclusive")
    return Delays(
        cuts[49],
        cuts[98],
        (process.cpu_seconds(bridge.pid) - bridge_s) / taken_s,
        (stats["cpu_s"] - double_s) / taken_s,
    )
