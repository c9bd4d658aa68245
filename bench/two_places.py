"""Two places: uploads through the whole local account, on Lambda alone and beside a host at home.

Account, bridge and workers share the machine's cores, so two workers can be no more than twice as
fast where the account has a core of its own.
"""

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import process
from bench.report.row import Part, Row, Target, WrongAnswer
from bench.rounds import Rounds
from hybridsphere.demo.clips import make_clips
from hybridsphere.ledger.ledger import Ledger, Upload

_COPIES = 120
_SECONDS = 100
_BUSY = Target(1.15 / 2, "usual")
"""Half of one worker's time, and 15 % more."""

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """One run: the seconds from the first event to the last result, answers and places."""

    seconds: float
    answers: Mapping[tuple[str, str | None], int]
    places: Mapping[str | None, int]

    @classmethod
    def of(cls, folder: Path, videos: int) -> "Run":
        """Read the ledger of a run. Raises WrongAnswer unless each video has one result."""
        with Ledger.read(folder) as ledger:
            rows = ledger.find(most=2 * videos)
        if len(rows) != videos:
            raise WrongAnswer(f"places: {len(rows)} results of {videos} uploads")
        began = min(datetime.fromisoformat(row.created_at) for row in rows)
        ended = max(datetime.fromisoformat(row.stored_at or "") for row in rows)
        return cls(
            (ended - began) / timedelta(seconds=1),
            Counter((_original(row), row.status) for row in rows),
            Counter(row.place for row in rows),
        )


def measure(
    videos: Path | None,
    encodings: Path | None,
    scratch: Path,
    *,
    copies: int = _COPIES,
    rounds: Rounds,
    report: Report,
) -> Part:
    """Measure both ways in turn; the figures are medians of the rounds.

    Raises WrongAnswer unless every run gives the same answers.
    """
    known = ["--encodings", str(encodings)] if encodings else []
    alone: list[Run] = []
    both: list[Run] = []
    with TemporaryDirectory(dir=scratch) as name, process.any_core():
        folder = Path(name)
        _copy(_given(videos, folder), folder / "videos", copies)
        for number in rounds.within(_SECONDS):
            alone.append(_run(folder, f"alone{number}", copies, *known))
            both.append(_run(folder, f"both{number}", copies, *known, "--home", "1"))
            report(f"places: {alone[-1].seconds:.1f} s alone, {both[-1].seconds:.1f} s with home")
    if len({tuple(sorted(run.answers.items(), key=str)) for run in (*alone, *both)}) != 1:
        raise WrongAnswer("places: two runs have different answers")
    ran = both[-1].places
    return Part(
        name="places",
        title=f"Two places: {copies} uploads through the local account, {process.cores()} cores",
        usual_way="Lambda alone, with one worker",
        rows=[
            Row(
                "from the first event to the last result",
                "s",
                median(run.seconds for run in alone),
                median(run.seconds for run in both),
                target=_BUSY,
                remark=f"{ran['home']} at home, {ran['lambda']} in the cloud",
            )
        ],
        notes=["Ours: a worker at home beside that worker. The answers of all runs are the same."],
    )


def _given(videos: Path | None, folder: Path) -> list[Path]:
    if videos:
        return sorted(path for path in videos.rglob("*") if path.is_file())
    (folder / "clips").mkdir()
    return [clip.file for clip in make_clips(folder / "clips")]


def _copy(files: list[Path], folder: Path, copies: int) -> None:
    """Link files into a folder in turn, until there are so many."""
    folder.mkdir()
    for number, file in zip(range(copies), cycle(files), strict=False):
        (folder / f"{number:04}-{file.name}").symlink_to(file)


def _run(folder: Path, name: str, copies: int, *options: str) -> Run:
    results = folder / name
    words = ["--videos", str(folder / "videos"), "--results", str(results), "--workers", "1"]
    done = subprocess.run(
        process.python("-m", "hybridsphere", "demo", *words, *options),
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise WrongAnswer(f"places: the demo ended with {done.returncode}: {done.stderr[-500:]}")
    return Run.of(results, copies)


def _original(row: Upload) -> str:
    return row.key.partition("-")[2]
