"""The JSON of a message, parsed in a fraction of the time that Python's own parser takes."""

from collections.abc import Mapping
from typing import Any

import orjson


def parsed(body: str) -> str | Mapping[str, Any]:
    """Parse the body of a message; returns it as it is unless it is plainly a JSON object.

    The readers of `messages` then parse it themselves, and say what is wrong.
    """
    try:
        value = orjson.loads(body)
    except ValueError:
        return body
    return value if isinstance(value, dict) else body
