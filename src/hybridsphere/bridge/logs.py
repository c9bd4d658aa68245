"""Logs: one event a line, JSON unless a person is looking."""

import io
import json
import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

# Without the local variables, which hold whatever people have uploaded.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)

_ENCODER = json.JSONEncoder(ensure_ascii=False, default=repr)


class _Sink(io.TextIOBase):
    """A stream that loses what it cannot write: a full disk under the log stops no message."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def configure() -> None:
    """Send everything to standard error, which systemd and Docker keep."""
    at_terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if at_terminal else [_TRACEBACKS]),
            structlog.dev.ConsoleRenderer() if at_terminal else _to_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Sink(sys.stderr))),
        cache_logger_on_first_use=True,
    )


def _to_json(_: object, __: str, line: MutableMapping[str, Any]) -> str:
    """A line with what every line has in front, so that the eye finds it."""
    head = {name: line[name] for name in ("timestamp", "level", "event")}
    return _ENCODER.encode({**head, **line})
