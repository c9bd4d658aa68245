"""The words of a sheet: what a cell says, and the rows around the students."""

from collections.abc import Iterator, Sequence
from typing import Any

from hybridsphere.commands.sheet.sessions import Presence, Session, State
from hybridsphere.commands.sheet.sheet import Entry, Line, Sheet

TOTALS: tuple[State, ...] = ("present", "late", "absent", "unclear")


def header(sheet: Sheet) -> list[Any]:
    """Return the columns: days as dates."""
    names = [session.name for session in sheet.sessions]
    return ["name", "major", "year", *names, *TOTALS]


def rows(sheet: Sheet) -> Iterator[list[Any]]:
    """Go through the rows below the header: students, guests, strangers, videos."""
    guests = False
    for line in sheet.lines():
        if line.guest and not guests:
            guests = True
            yield ["Guests: recognised, but not on the roster"]
        yield _row(line)
    yield []
    yield ["Strangers, at least", "", "", *(session.strangers for session in sheet.sessions)]
    yield ["Videos", "", "", *(session.videos for session in sheet.sessions)]
    if any(session.unread for session in sheet.sessions):
        yield ["Videos not read to the end", "", "", *_unread(sheet.sessions)]


def cell(entry: Entry) -> str:
    """Describe one person in one session; a `?` asks for a look at the video."""
    if entry.presence is None:
        # A damaged video may show the person.
        return "absent?" if entry.state == "unclear" else "absent"
    words = [entry.state + "?" * entry.doubtful]
    presence = entry.presence
    if presence.first_s is not None and presence.last_s is not None:
        words[0] += f" {clock(presence.first_s)}-{clock(presence.last_s)}"
        words.append(duration(presence.seconds or 0.0))
    if entry.session.videos > 1:
        words.append(f"in {presence.videos} of {entry.session.videos} videos")
    return ", ".join(words)


def clock(seconds: float) -> str:
    """Write a time of a video as players do: 4:05, or 1:04:05."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration(seconds: float) -> str:
    return f"{round(seconds / 60)} min" if seconds >= 60 else "under 1 min"


def record(sheet: Sheet) -> dict[str, Any]:
    """Return the whole sheet as JSON has it; times in seconds."""
    lines = list(sheet.lines())
    return {
        "sessions": [
            {
                "session": str(session.name),
                "videos": session.videos,
                "unread": session.unread,
                "strangers": session.strangers,
            }
            for session in sheet.sessions
        ],
        "students": [_object(line) for line in lines if not line.guest],
        "guests": [_object(line) for line in lines if line.guest],
    }


def _row(line: Line) -> list[Any]:
    count = line.count()
    totals = [] if line.guest else [count[state] for state in TOTALS]
    cells = ["" if line.guest and not one.presence else cell(one) for one in line.entries]
    return [line.person.name, line.person.major, line.person.year, *cells, *totals]


def _unread(sessions: Sequence[Session]) -> Iterator[int]:
    yield from (session.unread for session in sessions)


def _object(line: Line) -> dict[str, Any]:
    person, count = line.person, line.count()
    found = [
        {
            "session": str(entry.session.name),
            "state": entry.state,
            "doubtful": entry.doubtful,
            **_figures(entry.presence),
        }
        for entry in line.entries
    ]
    totals: dict[str, int] = {state: count[state] for state in TOTALS}
    named = {"name": person.name, "major": person.major, "year": person.year, "id": person.id}
    return {**named, **totals, "sessions": found}


def _figures(presence: Presence | None) -> dict[str, Any]:
    if presence is None:
        return {"videos": 0, "from_s": None, "to_s": None, "seconds": None}
    return {
        "videos": presence.videos,
        "from_s": presence.first_s,
        "to_s": presence.last_s,
        "seconds": presence.seconds,
    }
