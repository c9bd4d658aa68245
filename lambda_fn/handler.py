"""The function's entry point: `face_recognition_handler`, called with an S3 event."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from hybridsphere import messages
from hybridsphere.messages import Result, S3Record
from hybridsphere.recognition.gallery import Gallery
from lambda_fn.evidence.keeper import Keeper, KeptFaces
from lambda_fn.faces.engine import Engine, engine_of
from lambda_fn.gallery.source import GallerySource
from lambda_fn.recognition.attendance import Attendance, attend
from lambda_fn.recognition.identify import Identification, identify
from lambda_fn.results.delivery import Reporter
from lambda_fn.results.outcome import VideoOutcome
from lambda_fn.results.student_file import StudentFile
from lambda_fn.results.students import Students, StudentTable
from lambda_fn.runtime.aws import client
from lambda_fn.runtime.deadline import Deadline, LambdaContext, OutOfTime
from lambda_fn.runtime.errors import reportable
from lambda_fn.runtime.log import log
from lambda_fn.runtime.memory import bounded
from lambda_fn.runtime.settings import RuntimeSettings
from lambda_fn.runtime.usage import Meter, note_started, peak_mb
from lambda_fn.video.s3file import S3File
from lambda_fn.video.video import Unreadable, Video


def face_recognition_handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Process the videos of an S3 event in turn; each ends in a CSV and a message.

    The answer's `videos` name every record of the event, in its order, by `bucket`, `key`, `etag`,
    `sequencer` and `event_time`, with its `status` and `reason`. A synchronous caller can thus
    check that its own record was processed.

    Raises BadMessage unless `event` is an S3 event, and SettingsError. An outage raises an error
    named after its cause, such as GalleryError or ClientError: Lambda then retries.
    """
    records = messages.parse_s3_event(event)
    settings = RuntimeSettings.from_environ(os.environ)
    return {
        "videos": [
            _process(record, settings, Deadline.share(context, len(records) - before))
            for before, record in enumerate(records)
        ]
    }


def _process(record: S3Record, settings: RuntimeSettings, deadline: Deadline) -> dict[str, Any]:
    started_at, meter = messages.utc_text(), Meter()
    video = {"bucket": record.bucket, "key": record.key, "version": record.version.id}
    try:
        gallery = _gallery_source(settings.gallery).current()
        engine = engine_of(gallery, settings.engine)
        outcome, faces = _examine(record, settings, engine, gallery, deadline)
        result = _result(record, outcome, settings, started_at)
        result = replace(result, engine=engine.space.engine, **asdict(meter.read()))
        if faces:
            key = messages.faces_key(record.key)
            result = replace(result, faces_key=key, faces=faces.number)
        reporter = Reporter(client("s3"), client("sqs"), settings.output_queue_url)
        reporter.deliver(result, faces.content if faces else None)
    except Exception as error:  # noqa: BLE001 - logged, then raised again
        shown = reportable(error)
        log("video.failed", level="error", **video, error=f"{type(shown).__name__}: {shown}")
        raise shown from None
    seconds = meter.read().duration_ms / 1000
    log(
        "video.finished",
        **video,
        status=outcome.status,
        reason=outcome.reason,
        seconds=seconds,
        peak_mb=peak_mb(),
    )
    return {
        "bucket": record.bucket,
        "key": record.key,
        "etag": record.etag,
        "sequencer": record.sequencer,
        "event_time": record.event_time,
        "status": outcome.status,
        "reason": outcome.reason,
    }


def _examine(
    record: S3Record,
    settings: RuntimeSettings,
    engine: Engine,
    gallery: Gallery,
    deadline: Deadline,
) -> tuple[VideoOutcome, KeptFaces | None]:
    keeper = Keeper(settings, gallery, engine.space)
    look: Callable[..., Identification | Attendance]
    look = attend if settings.mode == "attendance" else identify
    try:
        source = S3File(client("s3"), record.bucket, record.key, record.etag, deadline.check)
        with bounded(), Video(source) as video:
            seen = look(
                video,
                engine=engine,
                gallery=gallery,
                tolerance=settings.tolerance,
                frames_per_s=settings.frames_per_s,
                deadline=deadline,
                album=keeper.album,
            )
    except Unreadable as error:
        return VideoOutcome("unreadable", error.reason), None
    except MemoryError:
        return VideoOutcome("unreadable", "too_large"), None
    except OutOfTime:
        # The time ran out before the first frame: some files keep a reader searching for an index.
        return VideoOutcome("no_face", "cut_short"), None
    students = _students(settings.table)
    if isinstance(seen, Attendance):
        outcome = VideoOutcome.attended(seen, students)
    else:
        outcome = VideoOutcome.identified(seen, students)
    return outcome, keeper.kept(seen, record)


def _students(table: str) -> Students:
    """Return the records; no table's name has a slash, as the path of a file has."""
    return StudentFile(Path(table)) if "/" in table else StudentTable(table, client("dynamodb"))


def _result(
    record: S3Record, outcome: VideoOutcome, settings: RuntimeSettings, started_at: str
) -> Result:
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
        place=settings.place,
        attempt=record.attempt,
    )


@cache
def _gallery_source(location: str | None) -> GallerySource:
    return GallerySource(location, partial(client, "s3"))


def _preload() -> None:
    """Load the gallery and its engine while the runtime starts, so that the first event is fast."""
    try:
        settings = RuntimeSettings.from_environ(os.environ)
        engine = engine_of(_gallery_source(settings.gallery).current(), settings.engine)
    except Exception:  # noqa: BLE001 - the first event raises it again, and logs it
        return
    log("engine.loaded", engine=engine.space.engine, digest=engine.space.digest)


_preload()
note_started()
