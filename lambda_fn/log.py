"""The function's log: one JSON line an event, whatever format the runtime sets for others."""

import json
import logging
import sys

from hybridsphere.messages import utc_text

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


def log(event: str, *, level: str = "info", **fields: object) -> None:
    """Writes one line: `event` is a verb with its noun, such as `video.finished`."""
    line = {"timestamp": utc_text(), "level": level, "event": event, **fields}
    _logger.log(logging.getLevelNamesMapping()[level.upper()], "%s", json.dumps(line))
