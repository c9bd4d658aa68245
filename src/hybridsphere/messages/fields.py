"""Fields of a message, read one by one; each reader raises BadMessage for a malformed field."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hybridsphere.messages.times import utc_text

EXCERPT_LENGTH = 80
"""Characters quoted of a value that is at fault: a megabyte of nonsense stays one line."""

# Hour 24 is excluded: newer Pythons read it as the next day's first hour.
_CANONICAL_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}[.][0-9]{3}Z"
)


class BadMessage(ValueError):
    """A message that can never succeed; its text is the reason."""


def json_object(text: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """Parse a JSON object, unless the caller has parsed it."""
    if not isinstance(text, str):
        return text
    try:
        value = json.loads(text)
        # JSON can carry half a surrogate pair, which no file, database or key can.
        text.encode()
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"not JSON: {error}") from error
    return mapping({"message": value}, "message")


def mapping(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a field that holds a JSON object."""
    value = holder.get(name)
    if not isinstance(value, dict):
        raise BadMessage(f"{name} is {excerpt(value)}, not a JSON object")
    return value


def text(holder: Mapping[str, Any], name: str) -> str:
    """Return a field that holds a text, not empty."""
    value = holder.get(name)
    if not isinstance(value, str) or not value:
        raise BadMessage(f"{name} is {excerpt(value)}, not a text")
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # The function's events were parsed by Lambda, not by `json_object`.
        raise BadMessage(f"{name} is {excerpt(value)}, with half a surrogate pair") from error
    return value


def optional_text(holder: Mapping[str, Any], name: str) -> str | None:
    """Return a field that holds a text; None if it is missing or empty."""
    value = holder.get(name)
    return None if value is None or value == "" else text(holder, name)


def etag(holder: Mapping[str, Any], name: str = "etag") -> str:
    """Return an ETag, without the quotes that some servers put around it."""
    found = text(holder, name).removeprefix("W/").strip('"')
    return found or text({name: found}, name)


def time(holder: Mapping[str, Any], name: str) -> str:
    """Return a field that holds an ISO 8601 time, in the form of `utc_text`."""
    written = text(holder, name)
    try:
        moment = datetime.fromisoformat(written)
        # S3 and the function use this form already, and matching is far faster than formatting.
        return written if _CANONICAL_TIME.fullmatch(written) else utc_text(moment)
    except (ValueError, OverflowError) as error:
        raise BadMessage(f"{name} is {excerpt(holder.get(name))}, not an ISO 8601 time") from error


def optional_time(holder: Mapping[str, Any], name: str) -> str | None:
    """Return a field that holds a time; None if it is missing."""
    return None if holder.get(name) is None else time(holder, name)


def optional_count(holder: Mapping[str, Any], name: str) -> int | None:
    """Return a field that holds a whole number from 0 on; None if it is missing."""
    value = holder.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value < 2**63:
        raise BadMessage(f"{name} is {excerpt(value)}, not a whole number from 0 on")
    return value


def attempt(holder: Mapping[str, Any]) -> int:
    """Return the number of an attempt; 1 if it is missing."""
    number = optional_count(holder, "attempt")
    if number == 0:
        raise BadMessage("attempt is 0, and the first has the number 1")
    return number or 1


def optional_truth(holder: Mapping[str, Any], name: str) -> bool | None:
    """Return a field that holds true or false; None if it is missing."""
    value = holder.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise BadMessage(f"{name} is {excerpt(value)}, neither true nor false")


def excerpt(value: object) -> str:
    """Quote a value for an error message, cut to EXCERPT_LENGTH."""
    quoted = "missing" if value is None else repr(value)
    return quoted if len(quoted) <= EXCERPT_LENGTH else f"{quoted[:EXCERPT_LENGTH]}…"
