"""Messages: S3 events in, results out, and the keys of both.

The bridge and the function both import this package, so it needs only the standard library.
"""

from hybridsphere.messages.events import BadRecord, S3Event, S3Record, parse_s3_event, read_s3_event
from hybridsphere.messages.fields import BadMessage
from hybridsphere.messages.keys import (
    MAX_KEY_BYTES,
    csv_key,
    faces_key,
    is_faces_key,
    is_folder,
)
from hybridsphere.messages.names import UnusableName, name_form, spellings
from hybridsphere.messages.objects import (
    attempt_in,
    object_metadata,
    result_of_object,
    version_in,
)
from hybridsphere.messages.outcomes import parse_output
from hybridsphere.messages.passwords import without_passwords
from hybridsphere.messages.reasons import LONGEST_TEXT, reason_of
from hybridsphere.messages.results import (
    ATTENDANCE_COLUMNS,
    CSV_COLUMNS,
    MOST_CSV_BYTES,
    OVERTAKEN,
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
    "LONGEST_TEXT",
    "MAX_KEY_BYTES",
    "MOST_CSV_BYTES",
    "OVERTAKEN",
    "SCHEMA",
    "STATUSES",
    "BadMessage",
    "BadRecord",
    "Person",
    "Result",
    "S3Event",
    "S3Record",
    "UnusableName",
    "Version",
    "attempt_in",
    "csv_key",
    "csv_text",
    "faces_key",
    "is_faces_key",
    "is_folder",
    "name_form",
    "newest_of",
    "object_metadata",
    "parse_output",
    "parse_s3_event",
    "read_s3_event",
    "reason_of",
    "result_of_object",
    "spellings",
    "utc_text",
    "version_in",
    "without_passwords",
]
