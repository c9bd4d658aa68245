"""The check of how many videos ran at the same time."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hybridsphere.ledger.ledger import Upload
from hybridsphere.workload.check import Check
from hybridsphere.workload.evidence import Evidence

LONGEST_WAIT = timedelta(seconds=5)
"""A longer wait, while another video runs, means that a free worker was not used."""

_CLOCK = timedelta(milliseconds=1)
"""The shortest run: the times of results are whole milliseconds."""


@dataclass(frozen=True, slots=True)
class Run:
    """One video in the function: when it was invoked, when it ran."""

    key: str
    asked: datetime
    start: datetime
    end: datetime

    @classmethod
    def of(cls, row: Upload) -> "Run | None":
        """Read a row; return None without times, as of an upload that failed."""
        if not row.started_at or not row.finished_at:
            return None
        start, end = _moment(row.started_at), _moment(row.finished_at)
        asked = _moment(row.invoked_at or row.event_time)
        return cls(row.key, asked, start, max(end, start + _CLOCK))


def check_concurrency(evidence: Evidence) -> Check:
    rows = [row for versions in evidence.rows.values() for row in versions]
    runs = [run for run in map(Run.of, rows) if run]
    failed = {key for key, row in evidence.results.items() if row.status == "failed"}
    expected = evidence.manifest.keys - failed
    most = peak(runs)
    lines = [f"{key}: no start and end" for key in sorted(expected - {run.key for run in runs})]
    if most == 1 and (evidence.workers or 1) > 1:
        lines += _needless_waits(runs)
    allowed = "" if evidence.workers is None else f", {evidence.workers} allowed"
    distinct = len({run.key for run in runs} & expected)
    detail = f"{distinct} of {len(expected)} videos distinct, {most} at once at most{allowed}"
    return Check.without_faults(lines, "concurrency", detail)


def peak(runs: Iterable[Run]) -> int:
    """Count the most videos at once; versions of one video count once.

    A run that ends as another starts does not overlap it.
    """
    changes = sorted(
        change for run in runs for change in ((run.start, 1, run.key), (run.end, -1, run.key))
    )
    most = 0
    running: Counter[str] = Counter()
    for _, change, key in changes:
        running[key] += change
        if not running[key]:
            del running[key]
        most = max(most, len(running))
    return most


def _needless_waits(runs: Sequence[Run]) -> list[str]:
    """List long waits during which other runs followed one another."""
    lines = []
    for run in runs:
        busy = sum((_overlap(run, other) for other in runs if other is not run), timedelta())
        if busy > LONGEST_WAIT:
            lines.append(
                f"{run.key}: waited {(run.start - run.asked).total_seconds():.1f} s for its start "
                "while another ran"
            )
    return lines


def _overlap(waiting: Run, running: Run) -> timedelta:
    """Measure how long one run lasted while another waited."""
    time = min(waiting.start, running.end) - max(waiting.asked, running.start)
    return max(time, timedelta())


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
