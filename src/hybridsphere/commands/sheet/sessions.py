"""Sessions: the videos of a day or of a folder, and who was seen in them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Literal

from hybridsphere.commands.sheet.video import Seen, Times, Video
from hybridsphere.ledger.ledger import Upload

SessionBy = Literal["date", "prefix"]

Name = date | str
"""A session's name: its day, or the folder of its videos."""

State = Literal["present", "late", "absent", "unclear"]
"""`unclear`: not seen, but a video of the session was not read to its end."""


@dataclass(slots=True)
class Presence:
    """One person in one session.

    `first_s`, `last_s` and `seconds` are those of the video that shows the person longest, or, if
    the videos follow each other, of all together. `arrival_s` counts from the first sighting of
    anybody, unless a video shows the person without times.
    """

    videos: int = 0
    doubtful: bool = True
    first_s: float | None = None
    last_s: float | None = None
    seconds: float | None = None
    arrival_s: float | None = None
    untimed: bool = False

    def state(self, late_after_s: float) -> State:
        late = self.arrival_s is not None and self.arrival_s > late_after_s
        return "late" if late else "present"

    def add(self, seen: Seen, arrival_s: float | None) -> None:
        """Take one video into account, of several that may show the same minutes."""
        self._count(seen, arrival_s)
        if seen.times and (self.seconds is None or seen.times.seconds > self.seconds):
            self.first_s, self.last_s, self.seconds = seen.times

    def append(self, seen: Seen, arrival_s: float | None, offset_s: float) -> None:
        """Take the next video into account; it begins `offset_s` after the first."""
        self._count(seen, arrival_s)
        if seen.times:
            first_s, last_s = seen.times.first_s + offset_s, seen.times.last_s + offset_s
            self.first_s = first_s if self.first_s is None else min(self.first_s, first_s)
            self.last_s = last_s if self.last_s is None else max(self.last_s, last_s)
            self.seconds = (self.seconds or 0.0) + seen.times.seconds

    def _count(self, seen: Seen, arrival_s: float | None) -> None:
        self.videos += 1
        self.doubtful = self.doubtful and seen.doubtful
        self.untimed = self.untimed or arrival_s is None
        if self.untimed:
            self.arrival_s = None
        elif arrival_s is not None:
            known = self.arrival_s
            self.arrival_s = arrival_s if known is None else min(known, arrival_s)


@dataclass(slots=True)
class Session:
    """The videos of one session; `strangers` is the most that one video shows."""

    name: Name
    begun_at: str
    videos: int = 0
    unread: int = 0
    strangers: int = 0
    people: dict[str, Presence] = field(default_factory=dict)


@dataclass(slots=True)
class Sessions:
    """All sessions, by name; `records` are the major and year of everybody who was seen."""

    found: dict[Name, Session] = field(default_factory=dict)
    records: dict[str, tuple[str, str]] = field(default_factory=dict)

    def in_order(self) -> list[Session]:
        """List the sessions as they were held."""
        return sorted(self.found.values(), key=lambda one: (one.begun_at, str(one.name)))

    def add(self, name: Name, video: Video, clock: "Clock | None" = None) -> None:
        """Take a video into account; `clock` is for videos that follow each other."""
        session = self.found.get(name)
        if session is None:
            session = self.found[name] = Session(name, video.event_time)
        session.begun_at = min(session.begun_at, video.event_time)
        session.videos += 1
        session.unread += not video.read
        session.strangers = max(session.strangers, video.strangers)
        for seen in video.people:
            self.records[seen.name] = (seen.major, seen.year)
            presence = session.people.setdefault(seen.name, Presence())
            if clock:
                presence.append(seen, *clock.read(name, video.key, seen.times))
            else:
                presence.add(seen, _arrival_s(seen.times, video.begin_s))


def _arrival_s(times: Times | None, begin_s: float | None) -> float | None:
    return None if times is None or begin_s is None else times.first_s - begin_s


class Clock:
    """When videos that follow each other begin, in seconds after the first of their session.

    A video lasts at least until its last sighting, so that nobody is later than they are said to
    be.
    """

    def __init__(self, videos: Iterable[tuple[Name, Video]]) -> None:
        listed: dict[Name, list[tuple[str, str, float | None, float]]] = {}
        for name, video in videos:
            row = (video.event_time, video.key, video.begin_s, video.end_s or 0.0)
            listed.setdefault(name, []).append(row)
        self._offsets: dict[str, float] = {}
        self._begins: dict[Name, float] = {}
        for name, rows in listed.items():
            self._lay(name, sorted(rows, key=lambda row: row[:2]))

    def read(self, name: Name, key: str, times: Times | None) -> tuple[float | None, float]:
        """Return the seconds from the session's first sighting, and the video's own beginning."""
        offset_s = self._offsets.get(key, 0.0)
        begin_s = self._begins.get(name)
        if times is None or begin_s is None:
            return None, offset_s
        return offset_s + times.first_s - begin_s, offset_s

    def _lay(self, name: Name, rows: list[tuple[str, str, float | None, float]]) -> None:
        offset_s = 0.0
        for _, key, begin_s, end_s in rows:
            self._offsets[key] = offset_s
            if begin_s is not None:
                self._begins.setdefault(name, offset_s + begin_s)
            offset_s += end_s


def session_name(by: SessionBy, zone: tzinfo | None) -> Callable[[Upload], Name]:
    """Return the function that names an upload's session; without a zone, days are local."""

    def day(upload: Upload) -> Name:
        return day_of(upload.event_time, zone)

    def folder(upload: Upload) -> Name:
        return upload.key.rpartition("/")[0] or "(no folder)"

    return day if by == "date" else folder


def day_of(event_time: str, zone: tzinfo | None) -> date:
    """Return the day of an upload in a time zone, by default the machine's own."""
    moment = datetime.fromisoformat(event_time)
    try:
        return moment.astimezone(zone).date()
    except OverflowError:
        # The first and the last day that there is, in a forged message.
        return moment.date()
