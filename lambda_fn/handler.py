"""The function itself: `face_recognition_handler`, called with an S3 event."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from hybridsphere import messages
from hybridsphere.messages import Person, Result, S3Record
from lambda_fn.aws import client
from lambda_fn.deadline import Deadline, LambdaContext
from lambda_fn.evidence import Sighting
from lambda_fn.faces import Faces
from lambda_fn.known import KnownFaces
from lambda_fn.log import log
from lambda_fn.recognise import identify
from lambda_fn.report import Reporter
from lambda_fn.s3file import S3File
from lambda_fn.settings import Settings
from lambda_fn.students import Students
from lambda_fn.video import Unreadable, Video


def face_recognition_handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes the videos of an S3 event one after another; each ends in a CSV and a message.

    The answer names them and their status. Raises BadMessage for what is no S3 event,
    SettingsError and GalleryError, and in an outage whatever AWS raises: Lambda tries again.
    """
    records = messages.parse_s3_event(event)
    settings = Settings.from_environ(os.environ)
    return {
        "videos": [
            _process(record, settings, Deadline.share(context, len(records) - before))
            for before, record in enumerate(records)
        ]
    }


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a video ended; `people` are those who were recognised, with or without a record."""

    status: str
    reason: str | None = None
    people: tuple[Person, ...] = ()


def _process(record: S3Record, settings: Settings, deadline: Deadline) -> dict[str, Any]:
    started_at, started = messages.utc_text(), time.monotonic()
    video = {"bucket": record.bucket, "key": record.key, "version": record.version.id}
    try:
        outcome = _examine(record, settings, deadline)
        reporter = Reporter(client("s3"), client("sqs"), settings.output_queue_url)
        reporter.deliver(_result(record, outcome, settings.output_bucket, started_at))
    except Exception as error:
        log("video.failed", level="error", **video, error=f"{type(error).__name__}: {error}")
        raise
    seconds = round(time.monotonic() - started, 3)
    log("video.finished", **video, status=outcome.status, reason=outcome.reason, seconds=seconds)
    return {**video, "status": outcome.status}


def _examine(record: S3Record, settings: Settings, deadline: Deadline) -> Outcome:
    gallery = _known_faces(settings.gallery).current()
    try:
        source = S3File(client("s3"), record.bucket, record.key, record.etag)
        with Video(source) as video:
            seen = identify(
                video,
                faces=_FACES,
                gallery=gallery,
                tolerance=settings.tolerance,
                frames_per_s=settings.frames_per_s,
                deadline=deadline,
            )
    except Unreadable as error:
        return Outcome("unreadable", error.reason)
    reason = "cut_short" if seen.cut_short else None
    if seen.person is None:
        return Outcome("unknown_face" if seen.any_face else "no_face", reason)
    return _look_up(seen.person, settings.table, reason)


def _look_up(sighting: Sighting, table: str, reason: str | None) -> Outcome:
    student = Students(table, client("dynamodb")).get(sighting.name)
    person = Person(
        name=sighting.name,
        major=student.major if student else "",
        year=student.year if student else "",
        distance=round(sighting.distance, 3),
        at_s=round(sighting.at_s, 3),
    )
    return Outcome("matched" if student else "no_record", reason, (person,))


def _result(record: S3Record, outcome: Outcome, output_bucket: str, started_at: str) -> Result:
    rows = [(p.name, p.major, p.year, outcome.status) for p in outcome.people]
    return Result(
        bucket=record.bucket,
        key=record.key,
        etag=record.etag,
        sequencer=record.sequencer,
        event_time=record.event_time,
        status=outcome.status,
        reason=outcome.reason,
        people=outcome.people,
        csv=messages.csv_text(rows or [("", "", "", outcome.status)]),
        started_at=started_at,
        finished_at=messages.utc_text(),
        output_bucket=output_bucket,
        output_key=messages.csv_key(record.key),
    )


# Kept for the runtime's life, like the models that faces.py loads: later events find them ready.
_FACES = Faces()


@cache
def _known_faces(location: str | None) -> KnownFaces:
    return KnownFaces(location, client("s3"))
