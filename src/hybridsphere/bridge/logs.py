"""Logs: one event a line, JSON unless a person is looking."""

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any

import structlog


def configure() -> None:
    """Send everything to standard error, which systemd and Docker keep."""
    at_terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if at_terminal else [structlog.processors.dict_tracebacks]),
            structlog.dev.ConsoleRenderer()
            if at_terminal
            else structlog.processors.JSONRenderer(_to_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _to_json(line: Mapping[str, Any], **options: Any) -> str:
    """A line with what every line has in front, so that the eye finds it."""
    head = {name: line[name] for name in ("timestamp", "level", "event")}
    return json.dumps({**head, **line}, ensure_ascii=False, **options)
