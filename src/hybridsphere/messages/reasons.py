"""Why something failed, in words that may be logged, kept and shown."""

from hybridsphere.messages.passwords import without_passwords

REASON_LENGTH = 1000
"""What is kept of an error message, in characters; it may be as long as the function likes."""


def first_line(message: object) -> str:
    """What of an error of AWS's may be told: below, it may quote a request, and whoever has no
    right to that would read the session token there.
    """
    return next(iter(str(message).strip().splitlines()), "")


def reason_of(message: str) -> str:
    """The first line of an error message, without the passwords of addresses, cut to a length."""
    # Of megabytes without an end of a line, passwords would be looked for for minutes.
    return without_passwords(first_line(message)[: 4 * REASON_LENGTH])[:REASON_LENGTH]
