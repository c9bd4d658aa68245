"""Results, as CSV objects have them: in their key, their metadata and their rows."""

import csv
import io
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hybridsphere.messages.fields import (
    BadMessage,
    etag,
    excerpt,
    optional_count,
    optional_text,
    optional_time,
    text,
    time,
)
from hybridsphere.messages.fields import attempt as attempt_of
from hybridsphere.messages.keys import MAX_KEY_BYTES, csv_key, faces_key
from hybridsphere.messages.outcomes import ATTENDANCE_FIGURES, finite, status
from hybridsphere.messages.results import MOST_CSV_BYTES, Person, Result, Spans
from hybridsphere.messages.version import Version

_MOST_PEOPLE_BYTES = 256
"""Longest value of metadata that Swift stores; S3 takes 2 KB in all, and the key may need most."""

_DIGITS = 20
"""Digits that no 64-bit number has."""

_COUNTS = ("faces", "duration_ms", "billed_ms", "memory_mb", "attempt")

# Fields of a person that the CSV lacks, in the order of their places in the metadata.
_UNWRITTEN = ("distance", "at_s", "runner_up", "runner_up_distance", "certainty")

# A field may be as long as a CSV; by default the module refuses more than 128 KiB.
csv.field_size_limit(MOST_CSV_BYTES)


def object_metadata(result: Result) -> dict[str, str]:
    """Return the metadata of a CSV object; bucket and key as base64, since headers are ASCII.

    Distances and certainties of the people are left out where they exceed 256 bytes.
    """
    fields = {
        "bucket": _encoded(result.bucket),
        # S3 limits metadata to 2 KB. It has no longer keys, so a longer one names no object.
        "key": _encoded(result.key) if len(result.key.encode()) <= MAX_KEY_BYTES else None,
        "etag": result.etag,
        "sequencer": result.sequencer,
        "event-time": result.event_time,
        "status": result.status,
        "reason": result.reason,
        "started-at": result.started_at,
        "finished-at": result.finished_at,
        "engine": result.engine,
        "place": result.place,
        "cold": None if result.cold is None else str(result.cold).lower(),
        "people": _people_metadata(result),
        **{_dashed(name): getattr(result, name) for name in _COUNTS},
    }
    if result.faces_key is None:
        fields["faces"] = None
    return {name: str(value) for name, value in fields.items() if value is not None}


def attempt_in(metadata: Mapping[str, str]) -> int:
    """Return the attempt that wrote an object; 1 if its metadata have no such number."""
    written = _lower(metadata).get("attempt", "")
    return int(written) if written.isascii() and written.isdigit() and int(written) else 1


def version_in(metadata: Mapping[str, str]) -> Version | None:
    """Return the video's version in the metadata of an object; None if we did not write them."""
    named = _lower(metadata)
    if not {"etag", "event-time"} <= named.keys():
        return None
    return Version(named["etag"], named.get("sequencer"), named["event-time"])


def result_of_object(
    bucket: str, object_key: str, metadata: Mapping[str, str], content: str
) -> Result:
    """Return the result that a CSV object stands for, by its key, its metadata and its rows.

    Raises BadMessage for an object that the function did not write.
    """
    key = _decoded(metadata, "key")
    if csv_key(key) != object_key:
        raise BadMessage(f"the metadata name another video: {excerpt(key)}")
    counts = {name: _count(metadata, _dashed(name)) for name in _COUNTS}
    return Result(
        bucket=_decoded(metadata, "bucket"),
        key=key,
        etag=etag(metadata),
        sequencer=optional_text(metadata, "sequencer"),
        event_time=time(metadata, "event-time"),
        status=status(metadata),
        csv=content,
        reason=optional_text(metadata, "reason"),
        people=_people(metadata, content),
        started_at=optional_time(metadata, "started-at"),
        finished_at=optional_time(metadata, "finished-at"),
        output_bucket=bucket,
        output_key=object_key,
        faces_key=None if counts["faces"] is None else faces_key(key),
        faces=counts["faces"],
        engine=optional_text(metadata, "engine"),
        place=optional_text(metadata, "place"),
        duration_ms=counts["duration_ms"],
        billed_ms=counts["billed_ms"],
        memory_mb=counts["memory_mb"],
        cold={"true": True, "false": False}.get(metadata.get("cold", "")),
        attempt=attempt_of(counts),
    )


def _lower(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return metadata with names in lower case; botocore keeps the case that a server chose."""
    return {name.lower(): value for name, value in metadata.items()}


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _count(metadata: Mapping[str, str], name: str) -> int | None:
    written = optional_text(metadata, name)
    if written is None:
        return None
    if not (written.isascii() and written.isdigit() and len(written) < _DIGITS):
        raise BadMessage(f"{name} is {excerpt(written)}, not a whole number from 0 on")
    return optional_count({name: int(written)}, name)


def _people_metadata(result: Result) -> str | None:
    """Write what the CSV lacks of each person; None if nothing is known, or too much."""
    rows = [[getattr(person, name) for name in _UNWRITTEN] for person in result.people]
    if not any(value is not None for row in rows for value in row):
        return None
    written = _encoded(json.dumps(rows, ensure_ascii=False, separators=(",", ":")))
    return written if len(written) <= _MOST_PEOPLE_BYTES else None


def _people(metadata: Mapping[str, str], content: str) -> tuple[Person, ...]:
    people = _people_of_csv(content)
    if optional_text(metadata, "people") is None:
        return people
    try:
        rows = json.loads(_decoded(metadata, "people"))
        more = [_unwritten(*row) for row in rows]
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadMessage(f"the metadata have no readable people: {excerpt(error)}") from error
    if len(more) != len(people):
        # Somebody has replaced the rows.
        return people
    return tuple(replace(person, **fields) for person, fields in zip(people, more, strict=True))


def _unwritten(
    distance: Any, at_s: Any, runner_up: Any, runner_up_distance: Any, certainty: Any
) -> dict[str, Any]:
    numbers = {"distance": distance, "at_s": at_s, "runner_up_distance": runner_up_distance}
    texts = {"runner_up": runner_up, "certainty": certainty}
    return {name: None if value is None else finite(value) for name, value in numbers.items()} | {
        name: optional_text(texts, name) for name in texts
    }


def _people_of_csv(content: str) -> tuple[Person, ...]:
    rows = csv.DictReader(io.StringIO(content, newline=""))
    try:
        # Strangers have rows in attendance mode, but are not recognised people.
        return tuple(
            _person_of_row(row) for row in rows if row["name"] and row["status"] != "unknown_face"
        )
    except (csv.Error, KeyError, TypeError, ValueError) as error:
        raise BadMessage(f"not a CSV of the function: {excerpt(error)}") from error


def _person_of_row(row: Mapping[str, str]) -> Person:
    person = Person(row["name"], row["major"], row["year"], status=row["status"])
    if "sightings" not in row:
        return person
    figures = {name: read(row[name]) for name, read in ATTENDANCE_FIGURES.items()}
    spans = _spans_of_cell(row["spans"]) if row.get("spans") else None
    return replace(person, spans=spans, **figures)


def _spans_of_cell(cell: str) -> Spans:
    """Read spans as a CSV has them: `0.0-3.5 10.0-12.0`, in seconds."""
    pairs = (span.split("-") for span in cell.split(" "))
    return tuple((_milliseconds(first), _milliseconds(last)) for first, last in pairs)


def _milliseconds(cell: str) -> int:
    seconds = finite(cell)
    if not 0 <= seconds < 2**32:
        raise ValueError(f"{seconds} is not a time of a video")
    return round(seconds * 1000)


def _encoded(value: str) -> str:
    return b64encode(value.encode()).decode()


def _decoded(metadata: Mapping[str, str], name: str) -> str:
    try:
        return b64decode(text(metadata, name), validate=True).decode()
    except ValueError as error:
        raise BadMessage(f"the metadata have no readable {name}: {excerpt(error)}") from error
