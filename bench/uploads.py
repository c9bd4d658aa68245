"""The uploads of the bridge's measurement: the same for the double, both bridges and the checks."""

from hybridsphere.messages import Person, Result, S3Record, csv_key, csv_text

BUCKET = "bench-videos"
OUTPUT_BUCKET = "bench-results"

_TIME = "2026-01-01T00:00:00.000Z"


def record(number: int) -> S3Record:
    """Return S3's record of the upload of this number."""
    return S3Record(
        bucket=BUCKET,
        key=f"lecture/clip {number:06d}.mp4",
        etag=f"{number:032x}",
        sequencer=f"{number:016X}",
        event_time=_TIME,
    )


def csv(number: int) -> str:
    """The CSV of an upload; no two are alike."""
    return csv_text([(_name(number), "physics", "junior", "matched")])


def result(upload: S3Record) -> Result:
    """Return the function's result of an upload."""
    number = int(upload.etag, 16)
    return Result(
        bucket=upload.bucket,
        key=upload.key,
        etag=upload.etag,
        sequencer=upload.sequencer,
        event_time=upload.event_time,
        status="matched",
        people=(Person(_name(number), "physics", "junior", distance=0.41, at_s=0.0),),
        csv=csv(number),
        started_at=_TIME,
        finished_at=_TIME,
        output_bucket=OUTPUT_BUCKET,
        output_key=csv_key(upload.key),
    )


def _name(number: int) -> str:
    return f"student_{number:06d}"
