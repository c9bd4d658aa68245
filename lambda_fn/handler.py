"""The function itself: `face_recognition_handler`, called with an S3 event."""

import os
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from hybridsphere import messages
from hybridsphere.messages import Result, S3Record
from lambda_fn.faces.engine import Faces
from lambda_fn.gallery.source import KnownFaces
from lambda_fn.recognition.attendance import Attendance, attend
from lambda_fn.recognition.identify import Seen, identify
from lambda_fn.results.delivery import Reporter
from lambda_fn.results.outcome import Outcome
from lambda_fn.results.students import Students
from lambda_fn.runtime.aws import client
from lambda_fn.runtime.deadline import Deadline, LambdaContext, OutOfTime
from lambda_fn.runtime.errors import fit_to_tell
from lambda_fn.runtime.log import log
from lambda_fn.runtime.memory import bounded
from lambda_fn.runtime.settings import Settings
from lambda_fn.video.s3file import S3File
from lambda_fn.video.video import Unreadable, Video


def face_recognition_handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes the videos of an S3 event one after another; each ends in a CSV and a message.

    The answer names them and their status. Raises BadMessage for what is no S3 event,
    SettingsError, and where a video cannot be processed an error by the name of what happened, such
    as GalleryError or ClientError in an outage: Lambda tries again.
    """
    records = messages.parse_s3_event(event)
    settings = Settings.from_environ(os.environ)
    return {
        "videos": [
            _process(record, settings, Deadline.share(context, len(records) - before))
            for before, record in enumerate(records)
        ]
    }


def _process(record: S3Record, settings: Settings, deadline: Deadline) -> dict[str, Any]:
    started_at, started = messages.utc_text(), time.monotonic()
    video = {"bucket": record.bucket, "key": record.key, "version": record.version.id}
    try:
        outcome = _examine(record, settings, deadline)
        reporter = Reporter(client("s3"), client("sqs"), settings.output_queue_url)
        reporter.deliver(_result(record, outcome, settings, started_at))
    except Exception as error:  # noqa: BLE001 - each is told, and raised
        told = fit_to_tell(error)
        log("video.failed", level="error", **video, error=f"{type(told).__name__}: {told}")
        raise told from None
    seconds = round(time.monotonic() - started, 3)
    log("video.finished", **video, status=outcome.status, reason=outcome.reason, seconds=seconds)
    return {**video, "status": outcome.status}


def _examine(record: S3Record, settings: Settings, deadline: Deadline) -> Outcome:
    gallery = _known_faces(settings.gallery).current()
    look: Callable[..., Seen | Attendance]
    look = attend if settings.mode == "attendance" else identify
    try:
        source = S3File(client("s3"), record.bucket, record.key, record.etag, deadline.check)
        with bounded(), Video(source) as video:
            seen = look(
                video,
                faces=_FACES,
                gallery=gallery,
                tolerance=settings.tolerance,
                frames_per_s=settings.frames_per_s,
                deadline=deadline,
            )
    except Unreadable as error:
        return Outcome("unreadable", error.reason)
    except MemoryError:
        return Outcome("unreadable", "too_large")
    except OutOfTime:
        # Over before the first frame: a file can keep its reader looking for an index for hours.
        return Outcome("no_face", "cut_short")
    students = Students(settings.table, client("dynamodb"))
    if isinstance(seen, Attendance):
        return Outcome.attended(seen, students)
    return Outcome.identified(seen, students)


def _result(record: S3Record, outcome: Outcome, settings: Settings, started_at: str) -> Result:
    return Result(
        bucket=record.bucket,
        key=record.key,
        etag=record.etag,
        sequencer=record.sequencer,
        event_time=record.event_time,
        status=outcome.status,
        reason=outcome.reason,
        people=outcome.people,
        csv=outcome.csv(settings.mode),
        started_at=started_at,
        finished_at=messages.utc_text(),
        output_bucket=settings.output_bucket,
        output_key=messages.csv_key(record.key),
    )


# Kept for the runtime's life, like the models that faces.py loads: later events find them ready.
_FACES = Faces()
log("encoder.loaded", runtime=_FACES.runtime)


@cache
def _known_faces(location: str | None) -> KnownFaces:
    return KnownFaces(location, client("s3"))
