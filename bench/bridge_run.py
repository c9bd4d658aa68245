"""One bridge, in front of a fresh double: warm and alone on a core, or whole as people run it."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from tempfile import mkdtemp

from bench import process
from bench.bridge_checks import check_files, check_ledger, check_queues, wait_for_faces
from bench.doubles.account import INPUT
from bench.doubles.process import (
    FAST,
    BridgeFailed,
    RunningDouble,
    Stats,
    emptied,
    running_double,
)

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
    """The cost of one bridge; `double_busy` is the double's share of a core meanwhile.

    `whole_s` is the time from the start until all is done, faces too.
    """

    messages: int
    seconds: float
    cpu_s: float
    double_busy: float
    whole_s: float = 0.0

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
    with running_double() as double:
        with running_bridge(bridge, double, folder) as started:
            before = double.pass_through(messages, started)
            cpu_before_s = process.cpu_seconds(started.pid)
            stats = double.pass_through(messages, started)
            cpu_s = process.cpu_seconds(started.pid) - cpu_before_s
        _check(bridge, folder / "results", stats, 2 * messages)
    seconds = stats["seconds"]
    return Run(messages, seconds, cpu_s, (stats["cpu_s"] - before["cpu_s"]) / seconds)


def run_whole(
    bridge: Bridge,
    scratch: Path,
    messages: int,
    *,
    double: str = FAST,
    pinned: bool = False,
    faces: bool = False,
) -> Run:
    """Send uploads through a bridge, its start included, in front of a double of this module.

    Nothing is bound to a core unless `pinned`. The uploads are on the queue before the start.
    With `faces` each result has an object with a face; the CPU time includes all of them, but the
    rate is that of the results, which come first. The files stay, as with `run_bridge`. Raises
    WrongAnswer unless every upload was handled.
    """
    folder = Path(mkdtemp(dir=scratch))
    with running_double(double, pinned=pinned, faces=faces) as running:
        running.fill(messages)
        cores = process.measured_core() if pinned else process.any_core()
        with _started(bridge, running, folder, cores) as started:
            began = time.monotonic()
            stats = running.wait(emptied, started)
            if faces:
                wait_for_faces(folder / "results", messages, started)
            waited_s = time.monotonic() - began
            cpu_s = process.cpu_seconds(started.pid)
        _check(bridge, folder / "results", stats, messages)
    return Run(messages, stats["seconds"], cpu_s, stats["cpu_s"] / stats["seconds"], waited_s)


@contextmanager
def running_bridge(bridge: Bridge, double: RunningDouble, folder: Path) -> Iterator[Popen[bytes]]:
    """A bridge on the measured core, once it waits for messages; its results are in `folder`."""
    waiting = double.stats()[INPUT]["waiting"]
    with _started(bridge, double, folder, process.measured_core()) as started:
        double.wait(lambda stats: stats[INPUT]["waiting"] > waiting, started)
        yield started


@contextmanager
def _started(
    bridge: Bridge, double: RunningDouble, folder: Path, cores: AbstractContextManager[None]
) -> Iterator[Popen[bytes]]:
    """A bridge on these cores; its results are in `folder`."""
    results, log = folder / "results", folder / f"{bridge.name}.log"
    results.mkdir(exist_ok=True)
    environment = {**double.environment, "HYBRIDSPHERE_RESULTS_DIR": str(results)}
    with (
        log.open("wb") as errors,
        _log_shown(log),
        cores,
        process.running(bridge.command, environment, stderr=errors) as started,
    ):
        yield started


def _check(bridge: Bridge, results: Path, stats: Stats, messages: int) -> None:
    """Raise WrongAnswer unless a bridge has handled this number of uploads, each once."""
    check_queues(stats, messages)
    if bridge.keeps_files:
        check_files(results, messages)
    if bridge.keeps_ledger:
        check_ledger(results, messages)


@contextmanager
def _log_shown(log: Path) -> Iterator[None]:
    """Add the end of a bridge's log to the message of its failure."""
    try:
        yield
    except BridgeFailed as error:
        raise BridgeFailed(f"{error}\n{log.read_text()[-_LOG_SHOWN:]}") from None
