"""Fields of a message, read one by one; every reader raises BadMessage for what is not as it should
be.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hybridsphere.messages.times import utc_text

# Without an hour 24, which newer Pythons take for the next day's first.
_AS_WE_WRITE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}[.][0-9]{3}Z"
)


class BadMessage(ValueError):
    """A message that can never succeed; its text says what is wrong with it."""


def json_object(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
        # JSON can carry halves of surrogate pairs, which no file, database or key can.
        text.encode()
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"not JSON: {error}") from error
    return mapping({"message": value}, "message")


def mapping(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise BadMessage(f"{name} is {shown(value)}, not a JSON object")
    return value


def text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not value:
        raise BadMessage(f"{name} is {shown(value)}, not a text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # The function is given events that Lambda has parsed: `json_object` has not seen them.
        raise BadMessage(f"{name} is {shown(value)}, with half a surrogate pair") from error
    return value


def optional_text(holder: Mapping[str, Any], name: str) -> str | None:
    return None if holder.get(name) in (None, "") else text(holder, name)


def time(holder: Mapping[str, Any], name: str) -> str:
    written = text(holder, name)
    try:
        moment = datetime.fromisoformat(written)
        # As S3 and the function write it; to do so anew takes far longer than to look.
        return written if _AS_WE_WRITE.fullmatch(written) else utc_text(moment)
    except (ValueError, OverflowError) as error:
        raise BadMessage(f"{name} is {shown(holder.get(name))}, not an ISO 8601 time") from error


def optional_time(holder: Mapping[str, Any], name: str) -> str | None:
    return None if holder.get(name) is None else time(holder, name)


def shown(value: object) -> str:
    """A value for an error message, cut so that a megabyte of nothing makes a line, not a page."""
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
