"""The function's log: one JSON line an event, whatever format the runtime sets for others."""

import json
import logging
import sys

from hybridsphere.messages import utc_text

# What a line shows of one text, in characters: a forged key may have 200 KB.
_LONGEST_TEXT = 2000

_logger = logging.getLogger("hybridsphere.function")


class _Stdout(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # sys.stdout is looked up each time: runtimes replace it after modules are imported.
        sys.stdout.write(record.getMessage() + "\n")
        sys.stdout.flush()


_logger.addHandler(_Stdout())
_logger.setLevel(logging.INFO)
# The runtime's own handler would print every line a second time, in its own form.
_logger.propagate = False

for _library in ("boto3", "botocore", "urllib3"):
    # At DEBUG, which Lambda's log level sets for all, these write whole requests, signatures and
    # session tokens included.
    logging.getLogger(_library).setLevel(logging.WARNING)


def log(event: str, *, level: str = "info", **fields: object) -> None:
    """Writes one line: `event` is a verb with its noun, such as `video.finished`."""
    shown = {name: v[:_LONGEST_TEXT] if isinstance(v, str) else v for name, v in fields.items()}
    line = {"timestamp": utc_text(), "level": level, "event": event, **shown}
    _logger.log(logging.getLevelNamesMapping()[level.upper()], "%s", json.dumps(line))
