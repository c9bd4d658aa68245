"""One bridge, in front of a fresh double, from the first upload to the last deletion."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from tempfile import mkdtemp

from bench import process
from bench.bridge_checks import check_files, check_ledger, check_queues
from bench.doubles.account import INPUT
from bench.doubles.process import BridgeFailed, RunningDouble, running_double

_LOG_SHOWN = 2000
"""Characters of a failed bridge's log."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge by its command line, and what it leaves behind of a result."""

    name: str
    command: list[str]
    keeps_files: bool = True
    keeps_ledger: bool = False


USUAL = Bridge("usual", process.python("-m", "bench.ways.usual_bridge"))
OURS = Bridge("ours", process.python("-m", "hybridsphere", "bridge"), keeps_ledger=True)
LEAST = Bridge("least", process.python("-m", "bench.ways.least_bridge"), keeps_files=False)


@dataclass(frozen=True, slots=True)
class Run:
    """The cost of one bridge; `double_busy` is the double's share of a core meanwhile."""

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


def run_bridge(bridge: Bridge, scratch: Path, messages: int) -> Run:
    """Send uploads through a bridge, after as many untimed ones.

    Node compiles its hot code after some thousand messages; before that, a message costs twice as
    much. Raises WrongAnswer unless the bridge handled every upload.

    The files stay in `scratch` until all bridges have run: ext4 does not reuse freshly freed
    inodes, and its search for others distorts the figures.
    """
    folder = Path(mkdtemp(dir=scratch))
    results = folder / "results"
    with running_double() as double:
        with running_bridge(bridge, double, folder) as started:
            before = double.pass_through(messages, started)
            cpu_before_s = process.cpu_seconds(started.pid)
            stats = double.pass_through(messages, started)
            cpu_s = process.cpu_seconds(started.pid) - cpu_before_s
        check_queues(stats, 2 * messages)
        if bridge.keeps_files:
            check_files(results, 2 * messages)
        if bridge.keeps_ledger:
            check_ledger(results, 2 * messages)
    seconds = stats["seconds"]
    return Run(messages, seconds, cpu_s, (stats["cpu_s"] - before["cpu_s"]) / seconds)


@contextmanager
def running_bridge(bridge: Bridge, double: RunningDouble, folder: Path) -> Iterator[Popen[bytes]]:
    """A bridge on the measured core, once it waits for messages; its results are in `folder`."""
    results, log = folder / "results", folder / f"{bridge.name}.log"
    results.mkdir(exist_ok=True)
    environment = {**double.environment, "HYBRIDSPHERE_RESULTS_DIR": str(results)}
    waiting = double.stats()[INPUT]["waiting"]
    with (
        log.open("wb") as errors,
        _log_shown(log),
        process.measured_core(),
        process.running(bridge.command, environment, stderr=errors) as started,
    ):
        double.wait(lambda stats: stats[INPUT]["waiting"] > waiting, started)
        yield started


@contextmanager
def _log_shown(log: Path) -> Iterator[None]:
    """Add the end of a bridge's log to the message of its failure."""
    try:
        yield
    except BridgeFailed as error:
        raise BridgeFailed(f"{error}\n{log.read_text()[-_LOG_SHOWN:]}") from None
