"""How long an event waits for the bridge: from when it is to be had on the queue until the double
has got the Invoke. Both moments are read from one clock, in one process.
"""

from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from bench.bridge_run import LEAST, OURS, Bridge, run_bridge, running_bridge
from bench.double import OUTPUT
from bench.double_process import running_double
from bench.row import Part, Row, Target

_PAUSE_S = 10.0
"""The pause of the usual polling loop."""

_IDLE_PER_S = 20.0

_TARGETS = (Target(3, "figure"), Target(15, "figure"))


def measure(
    scratch: Path, *, messages: int, seconds: float = 6.0, report: Callable[[str], None]
) -> Part:
    """Ours and the least, nearly idle and at half of what ours can take; for some seconds each."""
    half_load = run_bridge(OURS, scratch, messages).messages_per_s / 2
    rows = []
    for load, per_s in (("idle", _IDLE_PER_S), ("half load", half_load)):
        figures = [_percentiles(bridge, scratch, per_s, seconds) for bridge in (OURS, LEAST)]
        report(f"{load}: {figures[0][0]:.2g} ms, 99th percentile {figures[0][1]:.2g} ms")
        usual = (1000 * _PAUSE_S * 0.5, 1000 * _PAUSE_S * 0.99)
        names = (f"{load}, {per_s:.0f} events/s: median", f"{load}: 99th percentile")
        for name, usual_ms, ours_ms, least_ms, target in zip(
            names, usual, *figures, _TARGETS, strict=True
        ):
            rows.append(Row(name, "ms", usual_ms, ours_ms, least_ms, target=target))
    return Part(
        name="latency",
        title="Added latency: from an event on the queue to its Invoke",
        usual_way=f"a loop that sleeps {_PAUSE_S:g} s between polls; computed, not waited for",
        least_way="batches over bare HTTP: nothing signed, nothing kept",
        rows=rows,
        notes=["Events come at random moments. The double's own share is in the figures."],
    )


def _percentiles(
    bridge: Bridge, scratch: Path, per_s: float, seconds: float
) -> tuple[float, float]:
    """The median and the 99th percentile of the delays, in milliseconds."""
    messages = max(2, round(per_s * seconds))
    with TemporaryDirectory(dir=scratch) as folder, running_double() as double:
        with running_bridge(bridge, double, Path(folder)) as started:
            double.fill(messages, per_s)
            double.wait(lambda stats: stats[OUTPUT]["deleted"] >= messages, started)
        cuts = quantiles(double.delays_ms(), n=100, method="inclusive")
    return cuts[49], cuts[98]
