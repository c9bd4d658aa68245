"""The bridge's throughput while it keeps faces, beside the same without any."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.bridge_run import OURS, Run, run_whole
from bench.report.row import Row, Target
from bench.rounds import Rounds

MESSAGES = 5_000

_THROUGHPUT = Target(800, "figure")
_SECONDS = 60


def rows(scratch: Path, messages: int = MESSAGES, *, rounds: Rounds) -> Iterator[Row]:
    """Measure both in turns, start included, on any core; yield their rows.

    Raises WrongAnswer and BridgeFailed.
    """
    runs: dict[bool, list[Run]] = {False: [], True: []}
    with TemporaryDirectory(dir=scratch) as folder:
        for _ in rounds.within(_SECONDS):
            for faces, found in runs.items():
                found.append(run_whole(OURS, Path(folder), messages, faces=faces))
    without, beside = runs[False], runs[True]
    yield Row(
        "bridge: results with faces to keep, beside the same without",
        "results/s",
        median(run.messages_per_s for run in without),
        median(run.messages_per_s for run in beside),
        more_is_better=True,
        target=_THROUGHPUT,
    )
    yield Row(
        "bridge: CPU time a result, its faces included",
        "ms",
        median(run.cpu_ms_a_message for run in without),
        median(run.cpu_ms_a_message for run in beside),
    )
    yield Row(
        f"bridge: {messages:,} results and all their faces kept",
        "s",
        median(run.whole_s for run in without),
        median(run.whole_s for run in beside),
    )
