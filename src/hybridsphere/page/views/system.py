"""System: the way of a video with its figures, the troubles and their remedies."""

import os
import shutil
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hybridsphere.ledger.delays import invocation_delay_s
from hybridsphere.ledger.ledger import Upload
from hybridsphere.page.observer import hours_ago
from hybridsphere.page.render import View, age, number, short, url
from hybridsphere.page.site import Shelf
from hybridsphere.page.views.cards import row

FAILURES = 20

_MEASURED = 500
"""Uploads whose times make the figures."""


@dataclass(frozen=True, slots=True)
class Joint:
    """A station of the way: a figure, a word, and whether a trouble lies there."""

    figure: str
    word: str
    note: str
    hot: bool


def system(shelf: Shelf, query: Mapping[str, str]) -> View:
    before = query.get("before", "~")
    failed = shelf.archive.failed(FAILURES, before)
    minutes = bars(shelf.archive.per_minute(hours_ago(1)))
    measured = shelf.archive.last_results(_MEASURED)
    figures = times(measured)
    way = joints(shelf)
    last = failed[-1].upload.stored_at if len(failed) == FAILURES else None
    context = {
        "joints": way,
        "troubles": shelf.state.troubles,
        "minutes": minutes,
        "most": max((count for _, count in minutes), default=0),
        "hour": sum(count for _, count in minutes),
        "figures": figures,
        "disk": disk(shelf),
        "failed": failed,
        "next": url("/system", before=last) if last else "",
        "asked": bool(shelf.settings.http and shelf.settings.http[1]),
        "letters": shelf.settings.dead_letter_queue_url is not None,
        "indexed": shelf.index.complete,
    }
    about = {
        "troubles": [{**one.trouble.to_dict(), "since": one.since} for one in shelf.state.troubles],
        "joints": {joint.word: joint.figure for joint in way},
        "figures": dict(figures),
    }
    return View("system", "System", "system.html", context, [row(one) for one in failed], about)


def joints(shelf: Shelf) -> list[Joint]:
    """List the stations from the upload to the disk."""
    state = shelf.state
    parts = " ".join(one.trouble.part for one in state.troubles)
    held = state.bridge.held
    uploads = state.uploads
    counts = dict(uploads.counts) if uploads else {}
    waiting = uploads.waiting if uploads else None
    invoking = waiting.invocation.count if waiting else 0
    running = waiting.result.count if waiting else 0
    done = sum(counts.values()) - counts.get("failed", 0)
    failed = counts.get("failed", 0)
    return [
        Joint(number(sum(counts.values()) + invoking + running), "uploads", "known here", False),
        Joint(
            number(held.get("input queue", 0) + held.get("input bucket", 0)),
            "received",
            "held by the bridge",
            "input" in parts,
        ),
        Joint(
            number(invoking),
            "to invoke",
            _oldest(waiting.invocation.oldest if waiting else None),
            False,
        ),
        Joint(
            number(running),
            "in work",
            _oldest(waiting.result.oldest if waiting else None),
            "function" in parts,
        ),
        Joint(
            number(held.get("output queue", 0) + held.get("output bucket", 0)),
            "arriving",
            "held for the disk",
            "output" in parts,
        ),
        Joint(
            number(done),
            "on disk",
            f"{number(failed)} failed" if failed else "none failed",
            any(part in parts for part in ("results", "ledger", "file", "uploads")),
        ),
    ]


def _oldest(moment: str | None) -> str:
    return f"oldest {age(moment)}" if moment else "nothing waits"


def bars(minutes: Mapping[str, int]) -> list[tuple[str, int]]:
    """Fill the last hour: a minute and its results, the oldest first."""
    now = datetime.now(UTC)
    hour = [f"{now - timedelta(minutes=ago):%Y-%m-%dT%H:%M}" for ago in range(59, -1, -1)]
    return [(minute, minutes.get(minute, 0)) for minute in hour]


def times(uploads: list[Upload]) -> list[tuple[str, str]]:
    """Measure how long uploads took, and where."""
    whole = list(filter(None, (_between(one.received_at, one.stored_at) for one in uploads)))
    work = list(filter(None, (_between(one.started_at, one.finished_at) for one in uploads)))
    delays = [delay for one in uploads if (delay := invocation_delay_s(one)) is not None]
    rows = [
        ("received to disk", whole),
        ("of that, looking at the video", work),
        ("event to invocation", delays),
    ]
    return [(word, _figures(values)) for word, values in rows if values]


def _figures(values: list[float]) -> str:
    values = sorted(values)
    late = values[min(len(values) - 1, int(0.95 * len(values)))]
    return f"{short(statistics.median(values))}, 95 % within {short(late)}"


def _between(first: str | None, last: str | None) -> float | None:
    if first is None or last is None:
        return None
    passed = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    return max(0.0, passed.total_seconds())


def disk(shelf: Shelf) -> dict[str, Any]:
    """Measure the disk of the results."""
    try:
        found = shutil.disk_usage(shelf.settings.results_dir)
    except OSError as error:
        return {"free": "unknown", "share": 0, "reason": os.strerror(error.errno or 0)}
    gigabytes = f"{found.free / 1e9:,.1f} GB of {found.total / 1e9:,.1f} GB"
    return {"free": gigabytes, "share": round(100 * found.free / found.total), "reason": ""}
