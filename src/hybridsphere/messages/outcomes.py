"""Results, as they come in: a message, Lambda's on-failure record, or a CSV object."""

import csv
import io
import math
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hybridsphere.messages.events import parse_s3_event
from hybridsphere.messages.fields import (
    BadMessage,
    etag,
    excerpt,
    json_object,
    mapping,
    optional_text,
    optional_time,
    text,
    time,
)
from hybridsphere.messages.keys import csv_key
from hybridsphere.messages.reasons import reason_of
from hybridsphere.messages.results import MOST_CSV_BYTES, SCHEMA, STATUSES, Person, Result, Spans

# A field may be as long as a CSV; by default the module refuses more than 128 KiB.
csv.field_size_limit(MOST_CSV_BYTES)


def parse_output(body: str) -> list[Result]:
    """Return the results in a message of the output queue.

    The function sends one; Lambda's on-failure record makes a `failed` one of each of its uploads.
    Raises BadMessage for any other message.
    """
    message = json_object(body)
    if "requestContext" in message and "requestPayload" in message:
        return _parse_failure(message)
    if message.get("schema") != SCHEMA:
        raise BadMessage(f"schema is {excerpt(message.get('schema'))}, not {SCHEMA!r}")
    return [_result(message)]


def result_of_object(
    bucket: str, object_key: str, metadata: Mapping[str, str], content: str
) -> Result:
    """Return the result that a CSV object stands for, by its key, its metadata and its rows.

    Raises BadMessage for an object that the function did not write.
    """
    key = _decoded(metadata, "key")
    if csv_key(key) != object_key:
        raise BadMessage(f"the metadata name another video: {excerpt(key)}")
    return Result(
        bucket=_decoded(metadata, "bucket"),
        key=key,
        etag=etag(metadata),
        sequencer=optional_text(metadata, "sequencer"),
        event_time=time(metadata, "event-time"),
        status=_status(metadata),
        csv=content,
        reason=optional_text(metadata, "reason"),
        people=_people_of_csv(content),
        started_at=optional_time(metadata, "started-at"),
        finished_at=optional_time(metadata, "finished-at"),
        output_bucket=bucket,
        output_key=object_key,
    )


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
    figures = {name: read(row[name]) for name, read in _FIGURES.items()}
    spans = _spans_of_cell(row["spans"]) if row.get("spans") else None
    return replace(person, spans=spans, **figures)


def _decoded(metadata: Mapping[str, str], name: str) -> str:
    try:
        return b64decode(text(metadata, name), validate=True).decode()
    except ValueError as error:
        raise BadMessage(f"the metadata have no readable {name}: {excerpt(error)}") from error


def _parse_failure(message: Mapping[str, Any]) -> list[Result]:
    """Read the record of an asynchronous invocation that Lambda gave up (AWS Lambda developer
    guide, "Capturing records of Lambda asynchronous invocations").
    """
    reasons = [text(mapping(message, "requestContext"), "condition")]
    response = message.get("responsePayload")
    if isinstance(response, Mapping):
        detail = [response.get("errorType"), response.get("errorMessage")]
        reasons += [reason_of(part) for part in detail if isinstance(part, str)]
    records = parse_s3_event(mapping(message, "requestPayload"))
    reason = ": ".join(filter(None, reasons))
    return [Result.failed(record, reason) for record in records]


def _result(message: Mapping[str, Any]) -> Result:
    people = message.get("people", [])
    if not isinstance(people, list):
        raise BadMessage(f"people is {excerpt(people)}, not a list")
    return Result(
        bucket=text(message, "bucket"),
        key=text(message, "key"),
        etag=etag(message),
        sequencer=optional_text(message, "sequencer"),
        event_time=time(message, "event_time"),
        status=_status(message),
        csv=text(message, "csv"),
        reason=optional_text(message, "reason"),
        people=tuple(_person(person) for person in people),
        started_at=optional_time(message, "started_at"),
        finished_at=optional_time(message, "finished_at"),
        output_bucket=optional_text(message, "output_bucket"),
        output_key=optional_text(message, "output_key"),
    )


def _status(holder: Mapping[str, Any]) -> str:
    status = text(holder, "status")
    if status not in STATUSES:
        raise BadMessage(f"status is {excerpt(status)}, not one of {', '.join(STATUSES)}")
    return status


def _person(value: object) -> Person:
    person = mapping({"person": value}, "person")
    try:
        return Person(
            name=text(person, "name"),
            major=str(person["major"]),
            year=str(person["year"]),
            distance=_finite(person["distance"]),
            at_s=_finite(person["at_s"]),
            status=optional_text(person, "status"),
            spans=None if person.get("spans") is None else _spans(person["spans"]),
            **{
                name: read(person[name])
                for name, read in _FIGURES.items()
                if person.get(name) is not None
            },
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadMessage(f"people holds {excerpt(value)}: {excerpt(error)}") from error


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a finite number")
    return number


def _count(value: Any) -> int:
    number = int(value)
    if not 0 <= number < 2**63:
        raise ValueError(f"{number} is not a count")
    return number


def _spans(value: Any) -> Spans:
    return tuple((_count(first), _count(last)) for first, last in value)


def _spans_of_cell(cell: str) -> Spans:
    """Read spans as a CSV has them: `0.0-3.5 10.0-12.0`, in seconds."""
    pairs = (span.split("-") for span in cell.split(" "))
    return tuple((_milliseconds(first), _milliseconds(last)) for first, last in pairs)


def _milliseconds(text: str) -> int:
    seconds = _finite(text)
    if not 0 <= seconds < 2**32:
        raise ValueError(f"{seconds} is not a time of a video")
    return round(seconds * 1000)


_FIGURES: dict[str, Callable[[Any], Any]] = {
    "first_s": _finite,
    "last_s": _finite,
    "sightings": _count,
}
"""Figures that a person has only in attendance mode, with their readers."""
