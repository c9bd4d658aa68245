"""Why something failed, in words that may be logged, kept and shown."""

import re

REASON_LENGTH = 1000
"""What is kept of an error message, in characters; it may be as long as the function likes."""

_USER = re.compile(r"://[^/@\s]*@")


def reason_of(message: str) -> str:
    """The first line of an error message, cut to a length, and without the password of a URL.

    Below their first line AWS's errors may quote a request: whoever has no right to it would read
    the session token there.
    """
    line = next(iter(message.strip().splitlines()), "")
    return _USER.sub("://…@", line)[:REASON_LENGTH]
