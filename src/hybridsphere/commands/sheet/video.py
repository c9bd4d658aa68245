"""A video of a session: who is in it, when, and whether all of it was read."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hybridsphere.commands.selection import one_form
from hybridsphere.ledger.ledger import Upload

_NOT_READ = {None, "failed", "unreadable"}


class Times(NamedTuple):
    """Seconds into the video: first and last sighting, and the sum of the spans between."""

    first_s: float
    last_s: float
    seconds: float


class Seen(NamedTuple):
    """A recognised person; identify mode has no `times`: it ends at the first sure look."""

    name: str
    major: str
    year: str
    doubtful: bool
    times: Times | None


@dataclass(frozen=True, slots=True)
class Video:
    """The part of one video in its session.

    - `strangers`: unknown people; identify mode only knows whether there are any.
    - `begin_s`, `end_s`: the first and the last sighting of anybody, None without times.
    - `read`: false if somebody may be in the video and not in the result.
    """

    key: str
    event_time: str
    people: tuple[Seen, ...]
    strangers: int
    begin_s: float | None
    end_s: float | None
    read: bool


def video_of(upload: Upload) -> Video:
    """Read the result that people get of an upload."""
    people = tuple(_seen(person) for person in upload.effective_people)
    strangers = list(_strangers(upload.effective_status, upload.effective_csv))
    times = [*(one.times for one in people), *strangers]
    timed = [one for one in times if one is not None]
    return Video(
        key=upload.key,
        event_time=upload.event_time,
        people=people,
        strangers=len(strangers),
        begin_s=min((one.first_s for one in timed), default=None),
        end_s=max((one.last_s for one in timed), default=None),
        read=upload.effective_status not in _NOT_READ and upload.reason != "cut_short",
    )


def _seen(person: Mapping[str, Any]) -> Seen:
    return Seen(
        one_form(person["name"]),
        str(person.get("major") or ""),
        str(person.get("year") or ""),
        person.get("certainty") == "doubtful",
        _times(person.get("first_s"), person.get("last_s"), person.get("spans")),
    )


def _times(first_s: Any, last_s: Any, spans: Any) -> Times | None:
    if first_s is None or last_s is None:
        return None
    # A result of the first release has no spans.
    seconds = sum(end - begin for begin, end in spans) / 1000 if spans else last_s - first_s
    return Times(float(first_s), float(last_s), float(seconds))


def _strangers(status: str | None, content: str | None) -> Iterator[Times | None]:
    """Go through the unknown people of a CSV, each with its times if it has any."""
    # Most videos show none, and parsing takes longer than all the rest.
    if not content or "unknown_face" not in content:
        return
    rows = csv.DictReader(io.StringIO(content, newline=""))
    found = [row for row in rows if row.get("status") == "unknown_face"]
    for row in found:
        yield _times_of_cells(row.get("first_s"), row.get("last_s"))
    if not found and status == "unknown_face":
        yield None


def _times_of_cells(first: str | None, last: str | None) -> Times | None:
    try:
        return Times(float(first or ""), float(last or ""), 0.0)
    except ValueError:
        return None
