"""The sheet: what became of every student in every session."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hybridsphere.commands.roster import StudentRecord
from hybridsphere.commands.sheet.sessions import Presence, Session, Sessions, State


class Entry(NamedTuple):
    """One person in one session; without `presence` nobody saw the person."""

    session: Session
    state: State
    presence: Presence | None

    @property
    def doubtful(self) -> bool:
        """Whether somebody should look at the video."""
        return self.state == "unclear" or (self.presence is not None and self.presence.doubtful)


@dataclass(frozen=True, slots=True)
class Line:
    """A person's line of the sheet; `guest` if they are not on the roster."""

    person: StudentRecord
    guest: bool
    entries: Sequence[Entry]

    def count(self) -> Counter[State]:
        return Counter(entry.state for entry in self.entries)


class Sheet:
    """The lines of a roster, then those of the guests, made one by one."""

    def __init__(
        self, roster: Sequence[StudentRecord], sessions: Sessions, late_after_s: float
    ) -> None:
        self.sessions = sessions.in_order()
        self._roster = roster
        self._late_after_s = late_after_s
        students = {student.name for student in roster}
        self._guests = [
            StudentRecord(name, *sessions.records[name])
            for name in sorted(sessions.records.keys() - students)
        ]
        self.recognised = len(students & sessions.records.keys())

    @property
    def students(self) -> int:
        return len(self._roster)

    @property
    def guests(self) -> int:
        return len(self._guests)

    @property
    def people(self) -> int:
        return len(self._roster) + len(self._guests)

    def lines(self) -> Iterator[Line]:
        """Go through the students in the roster's order, then through the guests by name."""
        for student in self._roster:
            yield Line(student, guest=False, entries=self._entries(student.name))
        for guest in self._guests:
            yield Line(guest, guest=True, entries=self._entries(guest.name))

    def _entries(self, name: str) -> list[Entry]:
        return [self._entry(session, session.people.get(name)) for session in self.sessions]

    def _entry(self, session: Session, presence: Presence | None) -> Entry:
        if presence is None:
            return Entry(session, "unclear" if session.unread else "absent", None)
        return Entry(session, presence.state(self._late_after_s), presence)
