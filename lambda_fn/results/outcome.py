"""The outcome of a video in the contract's words: status, reason, people and CSV."""

from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from hybridsphere.messages import ATTENDANCE_COLUMNS, CSV_COLUMNS, STATUSES, Person, csv_text
from hybridsphere.recognition.conclusion import Conclusion
from lambda_fn.recognition.attendance import Attendance
from lambda_fn.recognition.identify import Identification
from lambda_fn.recognition.register import Attendee, Presence
from lambda_fn.results.students import MISSING, Students


@dataclass(frozen=True, slots=True)
class VideoOutcome:
    """The outcome of a video; `people` are the recognised, with or without a student record.

    Strangers have rows in the CSV alone, named `unknown_1` and so on.
    """

    status: str
    reason: str | None = None
    people: tuple[Person, ...] = ()
    strangers: tuple[Person, ...] = ()

    @classmethod
    def identified(cls, seen: Identification, students: Students) -> "VideoOutcome":
        """Return the outcome of `identify`, with the person's student record."""
        people = [_looked_up(seen.person, students)] if seen.person else []
        outcome = cls._of(people, any_face=seen.any_face, cut_short=seen.cut_short)
        # With a single person, the message's own status says it all.
        return replace(outcome, people=tuple(replace(p, status=None) for p in outcome.people))

    @classmethod
    def attended(cls, attendance: Attendance, students: Students) -> "VideoOutcome":
        """Return the outcome of `attendance`, with each person's student record."""
        people = [_attending(attendee, students) for attendee in attendance.people]
        outcome = cls._of(people, any_face=attendance.any_face, cut_short=attendance.cut_short)
        return replace(outcome, strangers=tuple(map(_stranger, count(1), attendance.strangers)))

    @classmethod
    def _of(cls, people: list[Person], *, any_face: bool, cut_short: bool) -> "VideoOutcome":
        statuses = [person.status or "" for person in people]
        statuses = statuses or ["unknown_face" if any_face else "no_face"]
        incomplete = any(MISSING in (person.major, person.year) for person in people)
        reason = "cut_short" if cut_short else "incomplete_record" if incomplete else None
        return cls(min(statuses, key=STATUSES.index), reason, tuple(people))

    def csv(self, mode: str) -> str:
        """Return the CSV: one row per person, or a single row with the status."""
        columns = ATTENDANCE_COLUMNS if mode == "attendance" else CSV_COLUMNS
        people = (*self.people, *self.strangers)
        rows = [_row(person) for person in people] or [{}]
        return csv_text(
            [
                [{"status": self.status, **row}.get(column, "") for column in columns]
                for row in rows
            ],
            columns,
        )


def _looked_up(seen: Conclusion, students: Students) -> Person:
    student = students.get(seen.name)
    runner_up = seen.runner_up
    return Person(
        name=seen.name,
        major=student.major if student else "",
        year=student.year if student else "",
        distance=round(seen.distance, 3),
        at_s=round(seen.at_s, 3),
        status="matched" if student else "no_record",
        runner_up=runner_up.name if runner_up else None,
        runner_up_distance=round(runner_up.distance, 3) if runner_up else None,
        certainty=seen.certainty,
    )


def _attending(attendee: Attendee, students: Students) -> Person:
    return _present(_looked_up(attendee.best, students), attendee)


def _stranger(number: int, presence: Presence) -> Person:
    return _present(Person(f"unknown_{number}", "", "", status="unknown_face"), presence)


def _present(person: Person, presence: Presence) -> Person:
    """Add the times of a presence."""
    return replace(
        person,
        first_s=round(presence.first_s, 3),
        last_s=round(presence.last_s, 3),
        sightings=presence.sightings,
        spans=tuple((round(1000 * first), round(1000 * last)) for first, last in presence.spans),
    )


def _row(person: Person) -> dict[str, Any]:
    """Return a person's row: spans as `0.0-3.5 10.0-12.0`, in seconds."""
    spans = [f"{first / 1000}-{last / 1000}" for first, last in person.spans or ()]
    return {**person.to_dict(), "spans": " ".join(spans)}
