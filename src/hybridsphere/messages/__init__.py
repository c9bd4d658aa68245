"""What travels: S3 events in, results out, and the keys of both.

Both sides import this package, the bridge and the function, so it needs the standard library only.
"""

from hybridsphere.messages.events import S3Record, parse_s3_event
from hybridsphere.messages.fields import BadMessage
from hybridsphere.messages.keys import MAX_KEY_BYTES, csv_key
from hybridsphere.messages.outcomes import parse_output, result_of_object
from hybridsphere.messages.passwords import without_passwords
from hybridsphere.messages.reasons import REASON_LENGTH, first_line, reason_of
from hybridsphere.messages.results import (
    ATTENDANCE_COLUMNS,
    CSV_COLUMNS,
    MOST_CSV_BYTES,
    SCHEMA,
    STATUSES,
    Person,
    Result,
    csv_text,
)
from hybridsphere.messages.times import utc_text
from hybridsphere.messages.version import Version, newest_of

__all__ = [
    "ATTENDANCE_COLUMNS",
    "CSV_COLUMNS",
    "MAX_KEY_BYTES",
    "MOST_CSV_BYTES",
    "REASON_LENGTH",
    "SCHEMA",
    "STATUSES",
    "BadMessage",
    "Person",
    "Result",
    "S3Record",
    "Version",
    "csv_key",
    "csv_text",
    "first_line",
    "newest_of",
    "parse_output",
    "parse_s3_event",
    "reason_of",
    "result_of_object",
    "utc_text",
    "without_passwords",
]
