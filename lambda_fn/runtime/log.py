"""The function's log: one JSON line per event, independent of the runtime's log format."""

import json
import logging
import sys

from hybridsphere.messages import utc_text

# Longest text in a log line, in characters: a forged key may have 200 KB.
_LONGEST_TEXT = 2000

_logger = logging.getLogger("hybridsphere.function")


class _Stdout(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # Runtimes replace sys.stdout after the import of this module.
        sys.stdout.write(record.getMessage() + "\n")
        sys.stdout.flush()


_logger.addHandler(_Stdout())
_logger.setLevel(logging.INFO)
# The runtime's root handler would print every line a second time.
_logger.propagate = False

for _library in ("boto3", "botocore", "urllib3"):
    # Lambda's log level applies to every logger. At DEBUG these libraries write whole requests,
    # with signatures and session tokens.
    logging.getLogger(_library).setLevel(logging.WARNING)


def log(event: str, *, level: str = "info", **fields: object) -> None:
    """Write one line; `event` is a noun and a verb, such as `video.finished`."""
    shown = {name: v[:_LONGEST_TEXT] if isinstance(v, str) else v for name, v in fields.items()}
    line = {"timestamp": utc_text(), "level": level, "event": event, **shown}
    _logger.log(logging.getLevelNamesMapping()[level.upper()], "%s", json.dumps(line))
