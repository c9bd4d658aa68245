"""Results: how an upload ended."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hybridsphere.messages.events import S3Record
from hybridsphere.messages.reasons import reason_of
from hybridsphere.messages.version import Version

SCHEMA = "hybridsphere.result/1"
STATUSES = ("matched", "no_record", "unknown_face", "no_face", "unreadable", "failed")
"""Every status an upload can end with, the best first."""

OVERTAKEN = "superseded"
"""The reason of `failed` for an upload whose result a newer one has replaced unseen."""

CSV_COLUMNS = ("name", "major", "year", "status")
ATTENDANCE_COLUMNS = (*CSV_COLUMNS, "first_s", "last_s", "sightings", "spans")

Spans = tuple[tuple[int, int], ...]
"""Times at which somebody was in the picture: first and last millisecond, in order."""

_ALWAYS = {"reason", "sequencer", "started_at", "finished_at", "output_bucket", "output_key"}
"""Fields that a message has even without a value."""

MOST_CSV_BYTES = 1_048_576
"""A CSV of some twenty thousand people. The function writes none larger and the bridge reads none
larger: ten times as many rows would block its event loop for seconds.
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who was seen: `distance` to the known face, `at_s` seconds into the video.

    `certainty` is `sure`, `likely` or `doubtful`; `runner_up` is the second likeliest person. A CSV
    does not contain these five. Times, sightings and spans are filled only in attendance mode.
    """

    name: str
    major: str
    year: str
    distance: float | None = None
    at_s: float | None = None
    status: str | None = None
    first_s: float | None = None
    last_s: float | None = None
    sightings: int | None = None
    spans: Spans | None = None
    runner_up: str | None = None
    runner_up_distance: float | None = None
    certainty: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            name: value for name in self.__slots__ if (value := getattr(self, name)) is not None
        }


@dataclass(frozen=True, slots=True)
class Result:
    """How one version of one upload ended.

    - `faces_key`: the object of the output bucket that holds the faces; None without one.
    - `faces`: the number of faces in it.
    - `engine`: the name of the detector and encoder.
    - `place`: where the function ran, such as `lambda`.
    - `duration_ms`: time from the start until the result was ready.
    - `billed_ms`: the same, with the start of a new process.
    - `memory_mb`: the function's memory, which Lambda bills.
    - `cold`: whether the video was the first of its process.
    - `attempt`: 1, or more after a replay.
    """

    bucket: str
    key: str
    etag: str
    sequencer: str | None
    event_time: str
    status: str
    csv: str
    reason: str | None = None
    people: tuple[Person, ...] = ()
    started_at: str | None = None
    finished_at: str | None = None
    output_bucket: str | None = None
    output_key: str | None = None
    faces_key: str | None = None
    faces: int | None = None
    engine: str | None = None
    place: str | None = None
    duration_ms: int | None = None
    billed_ms: int | None = None
    memory_mb: int | None = None
    cold: bool | None = None
    attempt: int = 1

    @property
    def version(self) -> Version:
        return Version(self.etag, self.sequencer, self.event_time)

    def to_json(self) -> str:
        fields = {name: getattr(self, name) for name in self.__slots__}
        fields = {n: value for n, value in fields.items() if value is not None or n in _ALWAYS}
        fields["people"] = [person.to_dict() for person in self.people]
        return json.dumps({"schema": SCHEMA, **fields}, ensure_ascii=False)

    @classmethod
    def failed(cls, record: S3Record, reason: str) -> "Result":
        """Make the result of an upload that the function could not process."""
        return cls(
            bucket=record.bucket,
            key=record.key,
            etag=record.etag,
            sequencer=record.sequencer,
            event_time=record.event_time,
            status="failed",
            reason=reason_of(reason),
            csv=csv_text([("", "", "", "failed")]),
            attempt=record.attempt,
        )


def csv_text(rows: Iterable[Sequence[object]], columns: Sequence[str] = CSV_COLUMNS) -> str:
    """Write a CSV as the contract defines it: a header, then the rows, each ended by CR LF."""
    text = io.StringIO()
    csv.writer(text).writerows([columns, *rows])
    return text.getvalue()
