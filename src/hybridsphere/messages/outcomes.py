"""Results, as messages bring them: the function's own, or Lambda's on-failure record."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from hybridsphere.messages.events import parse_s3_event
from hybridsphere.messages.fields import (
    BadMessage,
    attempt,
    etag,
    excerpt,
    json_object,
    mapping,
    optional_count,
    optional_text,
    optional_time,
    optional_truth,
    text,
    time,
)
from hybridsphere.messages.keys import faces_key
from hybridsphere.messages.reasons import reason_of
from hybridsphere.messages.results import SCHEMA, STATUSES, Person, Result, Spans


def parse_output(body: str | Mapping[str, Any]) -> list[Result]:
    """Return the results in a message of the output queue, as text or parsed.

    The function sends one; Lambda's on-failure record makes a `failed` one of each of its uploads.
    Raises BadMessage for any other message.
    """
    message = json_object(body)
    if "requestContext" in message and "requestPayload" in message:
        return _parse_failure(message)
    if message.get("schema") != SCHEMA:
        raise BadMessage(f"schema is {excerpt(message.get('schema'))}, not {SCHEMA!r}")
    return [_result(message)]


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
        status=status(message),
        csv=text(message, "csv"),
        reason=optional_text(message, "reason"),
        people=tuple(_person(person) for person in people),
        started_at=optional_time(message, "started_at"),
        finished_at=optional_time(message, "finished_at"),
        output_bucket=optional_text(message, "output_bucket"),
        output_key=optional_text(message, "output_key"),
        faces_key=_faces_key(message),
        faces=optional_count(message, "faces"),
        engine=optional_text(message, "engine"),
        place=optional_text(message, "place"),
        duration_ms=optional_count(message, "duration_ms"),
        billed_ms=optional_count(message, "billed_ms"),
        memory_mb=optional_count(message, "memory_mb"),
        cold=optional_truth(message, "cold"),
        attempt=attempt(message),
    )


def status(holder: Mapping[str, Any]) -> str:
    """Return a field that holds a status."""
    found = text(holder, "status")
    if found not in STATUSES:
        raise BadMessage(f"status is {excerpt(found)}, not one of {', '.join(STATUSES)}")
    return found


def _faces_key(message: Mapping[str, Any]) -> str | None:
    """Return the key of the faces' object; a forged key could name any object of the bucket."""
    found = optional_text(message, "faces_key")
    if found is not None and found != faces_key(text(message, "key")):
        raise BadMessage(f"faces_key is {excerpt(found)}, not that of this video")
    return found


def _person(value: object) -> Person:
    person = mapping({"person": value}, "person")
    try:
        return Person(
            name=text(person, "name"),
            major=str(person["major"]),
            year=str(person["year"]),
            distance=finite(person["distance"]),
            at_s=finite(person["at_s"]),
            status=optional_text(person, "status"),
            spans=None if person.get("spans") is None else _spans(person["spans"]),
            runner_up=optional_text(person, "runner_up"),
            certainty=optional_text(person, "certainty"),
            **{
                name: read(person[name])
                for name, read in _OPTIONAL_FIGURES
                if person.get(name) is not None
            },
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadMessage(f"people holds {excerpt(value)}: {excerpt(error)}") from error


def finite(value: Any) -> float:
    """Read a number that is finite. Raises ValueError or TypeError."""
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


ATTENDANCE_FIGURES: dict[str, Callable[[Any], Any]] = {
    "first_s": finite,
    "last_s": finite,
    "sightings": _count,
}
"""Figures that a person has only in attendance mode, with their readers."""

_OPTIONAL_FIGURES = [("runner_up_distance", finite), *ATTENDANCE_FIGURES.items()]
