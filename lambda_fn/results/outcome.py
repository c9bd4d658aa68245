"""The outcome of a video in the contract's words: status, reason, people and CSV."""

from dataclasses import dataclass, replace

from hybridsphere.messages import ATTENDANCE_COLUMNS, CSV_COLUMNS, STATUSES, Person, csv_text
from hybridsphere.recognition.identity import Sighting
from lambda_fn.recognition.attendance import Attendance, Attendee
from lambda_fn.recognition.identify import Identification
from lambda_fn.results.students import StudentTable


@dataclass(frozen=True, slots=True)
class VideoOutcome:
    """The outcome of a video; `people` are the recognised, with or without a student record."""

    status: str
    reason: str | None = None
    people: tuple[Person, ...] = ()

    @classmethod
    def identified(cls, seen: Identification, students: StudentTable) -> "VideoOutcome":
        """Return the outcome of `identify`, with the person's student record."""
        people = [_looked_up(seen.person, students)] if seen.person else []
        outcome = cls._of(people, any_face=seen.any_face, cut_short=seen.cut_short)
        # With a single person, the message's own status says it all.
        return replace(outcome, people=tuple(replace(p, status=None) for p in outcome.people))

    @classmethod
    def attended(cls, attendance: Attendance, students: StudentTable) -> "VideoOutcome":
        """Return the outcome of `attendance`, with each person's student record."""
        people = [_attending(attendee, students) for attendee in attendance.people]
        return cls._of(people, any_face=attendance.any_face, cut_short=attendance.cut_short)

    @classmethod
    def _of(cls, people: list[Person], *, any_face: bool, cut_short: bool) -> "VideoOutcome":
        statuses = [person.status or "" for person in people]
        statuses = statuses or ["unknown_face" if any_face else "no_face"]
        reason = "cut_short" if cut_short else None
        return cls(min(statuses, key=STATUSES.index), reason, tuple(people))

    def csv(self, mode: str) -> str:
        """Return the CSV: one row per person, or a single row with the status."""
        columns = ATTENDANCE_COLUMNS if mode == "attendance" else CSV_COLUMNS
        rows = [person.to_dict() for person in self.people] or [{}]
        return csv_text(
            [
                [{"status": self.status, **row}.get(column, "") for column in columns]
                for row in rows
            ],
            columns,
        )


def _looked_up(sighting: Sighting, students: StudentTable) -> Person:
    student = students.get(sighting.name)
    return Person(
        name=sighting.name,
        major=student.major if student else "",
        year=student.year if student else "",
        distance=round(sighting.distance, 3),
        at_s=round(sighting.at_s, 3),
        status="matched" if student else "no_record",
    )


def _attending(attendee: Attendee, students: StudentTable) -> Person:
    return replace(
        _looked_up(attendee.best, students),
        first_s=round(attendee.first_s, 3),
        last_s=round(attendee.last_s, 3),
        sightings=attendee.sightings,
    )
