"""How long an event waits for the bridge: from when it is to be had on the queue until the double
has got the Invoke. Both moments are read from one clock, in one process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from subprocess import Popen
from tempfile import TemporaryDirectory

from bench.bridge_run import LEAST, OURS, Bridge, running_bridge
from bench.double import OUTPUT
from bench.double_process import RunningDouble, Stats, running_double
from bench.row import Part, Row, Target

_PAUSE_S = 10.0
"""The pause of the usual polling loop."""

_IDLE_PER_S = 20.0

_TARGETS = (Target(3, "figure"), Target(15, "figure"))


def measure(
    scratch: Path, *, messages: int, seconds: float = 6.0, report: Callable[[str], None]
) -> Part:
    """Ours and the least, nearly idle and at half of what ours can take; for some seconds each."""
    with _running(OURS, scratch) as (double, bridge):
        loads = {"idle": _IDLE_PER_S, "half load": _rate(double, bridge, messages) / 2}
        our_delays = [_percentiles(double, bridge, per_s, seconds) for per_s in loads.values()]
    with _running(LEAST, scratch) as (double, bridge):
        least_delays = [_percentiles(double, bridge, per_s, seconds) for per_s in loads.values()]
    usual_ms = (1000 * _PAUSE_S * 0.5, 1000 * _PAUSE_S * 0.99)
    rows = []
    for (load, per_s), our_ms, least_ms in zip(
        loads.items(), our_delays, least_delays, strict=True
    ):
        report(f"{load}: {our_ms[0]:.2g} ms, 99th percentile {our_ms[1]:.2g} ms")
        names = (f"{load}, {per_s:.0f} events/s: median", f"{load}: 99th percentile")
        for name, usual, ours, least, target in zip(
            names, usual_ms, our_ms, least_ms, _TARGETS, strict=True
        ):
            rows.append(Row(name, "ms", usual, ours, least, target=target))
    return Part(
        name="latency",
        title="Added latency: from an event on the queue to its Invoke",
        usual_way=f"a loop that sleeps {_PAUSE_S:g} s between polls; computed, not waited for",
        least_way="batches over bare HTTP: nothing signed, nothing kept",
        rows=rows,
        notes=["Events come at random moments. The double's own share is in the figures."],
    )


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
    double.fill(messages)
    return messages / float(_emptied(double, bridge)["seconds"])


def _percentiles(
    double: RunningDouble, bridge: Popen[bytes], per_s: float, seconds: float
) -> tuple[float, float]:
    """The median and the 99th percentile of the delays, in milliseconds."""
    messages = max(2, round(per_s * seconds))
    double.fill(messages, per_s)
    _emptied(double, bridge)
    cuts = quantiles(double.delays_ms()[-messages:], n=100, method="inclusive")
    return cuts[49], cuts[98]


def _emptied(double: RunningDouble, bridge: Popen[bytes]) -> Stats:
    """The stats once all uploads so far have come to their end."""
    return double.wait(lambda stats: stats[OUTPUT]["deleted"] >= stats["uploads"], bridge)
