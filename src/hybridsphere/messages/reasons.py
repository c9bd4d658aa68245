"""Why something failed, in words that may be logged, kept and shown."""

from hybridsphere.messages.passwords import without_passwords

REASON_LENGTH = 1000
"""What is kept of an error message, in characters; it may be as long as the function likes."""


def reason_of(message: str) -> str:
    """The first line of an error message, without the passwords of addresses, cut to a length.

    Below their first line AWS's errors may quote a request: whoever has no right to it would read
    the session token there.
    """
    line = next(iter(message.strip().splitlines()), "")
    # Of megabytes without an end of a line, passwords would be looked for for minutes.
    return without_passwords(line[: 4 * REASON_LENGTH])[:REASON_LENGTH]
