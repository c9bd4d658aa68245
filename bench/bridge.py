"""Messages a second: events out and results in, through a bridge on one core."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import process
from bench.bridge_checks import check_files, check_ledger, check_queues
from bench.double import INPUT, OUTPUT
from bench.double_process import BridgeFailed, running_double
from bench.row import Part, Row

USUAL = ["-m", "bench.usual_bridge"]
OURS = ["-m", "hybridsphere", "bridge"]

_BUSY = 0.85
"""Share of its core above which the double may be what is measured."""

_LOG_SHOWN = 2000
"""Characters of a failed bridge's log."""


@dataclass(frozen=True, slots=True)
class Run:
    """One bridge, from the first upload to the last deletion; `double_busy`: share of a core."""

    messages: int
    seconds: float
    cpu_s: float
    double_busy: float

    @property
    def messages_per_s(self) -> float:
        return self.messages / self.seconds

    @property
    def cpu_ms_a_message(self) -> float:
        return 1000 * self.cpu_s / self.messages


def measure(scratch: Path, *, messages: int, rounds: int, report: Callable[[str], None]) -> Part:
    """Both bridges in turn, on fresh queues each time; medians of the rounds.

    Results are kept below `scratch` meanwhile. Raises WrongAnswer unless both end with the same.
    """
    usual: list[Run] = []
    ours: list[Run] = []
    for number in range(rounds):
        for name, bridge, runs in (("usual", USUAL, usual), ("ours", OURS, ours)):
            run = run_bridge(bridge, scratch, messages)
            runs.append(run)
            report(
                f"round {number + 1} of {rounds}, {name}: {run.messages_per_s:.0f} messages/s, "
                f"{run.cpu_ms_a_message:.2f} ms of CPU each"
            )
    return Part(
        name="bridge",
        title=f"Bridge, {messages} uploads in and as many results on disk, one core",
        usual_way="one loop around boto3, a message at a time",
        rows=[
            Row(
                "throughput",
                "messages/s",
                median(run.messages_per_s for run in usual),
                median(run.messages_per_s for run in ours),
                more_is_better=True,
            ),
            Row(
                "CPU a message",
                "ms",
                median(run.cpu_ms_a_message for run in usual),
                median(run.cpu_ms_a_message for run in ours),
            ),
        ],
        notes=[
            "Both end with the same files; ours keeps the ledger and a log of every event as well.",
            _note_on_double(max(run.double_busy for run in ours)),
        ],
    )


def run_bridge(bridge: list[str], scratch: Path, messages: int) -> Run:
    """A bridge, given as Python's arguments, on fresh queues. Raises WrongAnswer."""
    with TemporaryDirectory(dir=scratch) as name:
        results, log = Path(name, "results"), Path(name, "log")
        results.mkdir()
        with running_double() as double, log.open("wb") as errors:
            environment = {**double.environment, "HYBRIDSPHERE_RESULTS_DIR": str(results)}
            with (
                _log_shown(log),
                process.measured_core(),
                process.running(bridge, environment, stderr=errors) as started,
            ):
                idle = double.wait(lambda stats: stats[INPUT]["waiting"] > 0, started)
                idle_cpu_s = process.cpu_seconds(started.pid)
                double.fill(messages)
                stats = double.wait(lambda stats: stats[OUTPUT]["deleted"] >= messages, started)
                cpu_s = process.cpu_seconds(started.pid) - idle_cpu_s
        check_queues(stats, messages)
        check_files(results, messages)
        if bridge == OURS:
            check_ledger(results, messages)
    seconds = stats["seconds"]
    return Run(messages, seconds, cpu_s, (stats["cpu_s"] - idle["cpu_s"]) / seconds)


@contextmanager
def _log_shown(log: Path) -> Iterator[None]:
    """Adds the end of a bridge's log to what is said of its failure; the log is removed."""
    try:
        yield
    except BridgeFailed as error:
        raise BridgeFailed(f"{error}\n{log.read_text()[-_LOG_SHOWN:]}") from None


def _note_on_double(busy: float) -> str:
    share = f"The double was busy for {busy:.0%} of the time at most"
    if busy > _BUSY:
        return f"{share}: it may be what was measured, and the bridge faster."
    return f"{share}: it did not hold ours up."
