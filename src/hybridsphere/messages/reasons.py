"""Why something failed, in one line that is safe to log, keep and show."""

from hybridsphere.messages.passwords import without_passwords

LONGEST_TEXT = 1024
"""Characters kept of any text that somebody else wrote; the longest S3 key fits."""


def reason_of(error: object) -> str:
    """Return the first line of an error or message, without passwords and cut to LONGEST_TEXT.

    Below their first line AWS's errors quote requests and answers, with session tokens in them.
    """
    line = next(iter(str(error).strip().splitlines()), "")
    # Searching megabytes without a line break for passwords would take minutes.
    return without_passwords(line[: 4 * LONGEST_TEXT])[:LONGEST_TEXT]
