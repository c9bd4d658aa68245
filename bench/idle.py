"""The share of a core that an idle bridge takes."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import process
from bench.bridge_run import LEAST, OURS, USUAL, running_bridge
from bench.doubles.process import running_double
from bench.report.row import Part, Row, Target

_TARGET = Target(0.3, "figure")

_SETTLED_S = 2.0
"""Seconds for a bridge to settle after its start."""

_WATCHED_S = 40.0
"""Two long polls, so that each poll is renewed as often as it is on average."""


def measure(scratch: Path, *, seconds: float = _WATCHED_S, report: Callable[[str], None]) -> Part:
    """All bridges at once, each in front of the same empty queues."""
    bridges = (USUAL, OURS, LEAST)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(dir=scratch)))
        double = stack.enter_context(running_double())
        started = []
        for bridge in bridges:
            (own_folder := folder / bridge.name).mkdir()
            started.append(stack.enter_context(running_bridge(bridge, double, own_folder)))
        time.sleep(min(_SETTLED_S, seconds))
        report(f"idle for {seconds:.0f} s")
        before = [process.cpu_seconds(one.pid) for one in started]
        time.sleep(seconds)
        after = [process.cpu_seconds(one.pid) for one in started]
    usual, ours, least = (
        100 * (end - start) / seconds for start, end in zip(before, after, strict=True)
    )
    return Part(
        name="idle",
        title=f"CPU when idle, both queues, over {seconds:g} s",
        usual_way="one loop around boto3",
        least_way="long polls over bare HTTP, and nothing else",
        rows=[Row("share of a core", "%", usual, ours, least, target=_TARGET)],
        notes=["The usual loop waits for one queue at a time: its results wait meanwhile."],
    )
