"""Logs: one event a line, as JSON, or in colour at a terminal.

Uploaders choose keys, names and reasons: texts are cut, and control characters escaped. Errors and
messages of libraries lose all but their first line, and the passwords in it: below, AWS's errors
quote requests and answers, with new credentials among them.
"""

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from typing import Any, TextIO

import orjson
import structlog

from hybridsphere.console import printable
from hybridsphere.messages import LONGEST_TEXT, reason_of
from hybridsphere.messages.times import now_text

Stack = dict[str, Any]
"""One error of a chain, as structlog describes it: type, text, frames."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, default=repr, separators=(",", ":"))


MOST_WAITING = 100
"""Lines that are written at once at the latest."""


class _Lines:
    """A stream of lines; those that it cannot write are dropped: a full disk stops no message.

    Lines of an event loop wait until its next turn, and are written by one call.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[str] = []

    def msg(self, line: str) -> None:
        """Write a line soon."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # Another thread, or no loop.
            self._write(f"{line}\n")
            return
        if not self._waiting:
            loop.call_soon(self.flush)
        self._waiting.append(line)
        if len(self._waiting) >= MOST_WAITING:
            self.flush()

    debug = info = warning = error = critical = msg

    def flush(self) -> None:
        """Write the lines that wait."""
        lines, self._waiting = self._waiting, []
        if lines:
            self._write("\n".join((*lines, "")))

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


class _Logger(structlog.make_filtering_bound_logger(logging.INFO)):  # type: ignore[misc]
    """A logger of JSON lines: each message has two lines, so each step costs."""

    def _proxy_to_logger(self, method_name: str, event: str | None = None, **fields: Any) -> None:
        self._logger.msg(_line(method_name, event, fields))


_output = _Lines(sys.stderr)


def flush() -> None:
    """Write the lines that wait for the loop's next turn."""
    _output.flush()


class _Libraries(logging.Handler):
    """A handler that turns log records of libraries into lines like the bridge's."""

    def emit(self, record: logging.LogRecord) -> None:
        fields = {"logger": record.name, "message": reason_of(record.getMessage())}
        # structlog lacks the levels between the usual ones, which libraries may use.
        level = min(record.levelno // 10 * 10, logging.CRITICAL)
        error = record.exc_info or None
        structlog.get_logger().log(level, "library.message", **fields, exc_info=error)


def configure() -> None:
    """Send everything to standard error, which systemd and Docker keep."""
    at_terminal = sys.stderr.isatty()
    if not at_terminal and isinstance(sys.stderr, io.TextIOWrapper):
        # JSON is UTF-8 in every locale, and has no escape like `\\xe9`.
        sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")
    for library in ("aiobotocore", "boto3", "botocore", "urllib3"):
        # At DEBUG these log whole requests, with signatures and session tokens.
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.getLogger().addHandler(_Libraries())
    global _output  # noqa: PLW0603 - one a process
    _output = output = _Lines(sys.stderr)
    structlog.configure(
        processors=_for_a_person(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO)
        if at_terminal
        else _Logger,
        logger_factory=lambda *_: output,
        cache_logger_on_first_use=True,
    )


def _for_a_person() -> list[structlog.typing.Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _cut,
        _escape,
        structlog.dev.ConsoleRenderer(exception_formatter=_show_traceback),
    ]


def _cut(_: Any, __: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Cut the texts of a line: a forged key may have 400 KB."""
    return {name: _short(value) for name, value in line.items()}


def _short(value: Any) -> Any:
    match value:
        case str() if len(value) > LONGEST_TEXT:
            return f"{value[:LONGEST_TEXT]}… ({len(value)} characters)"
        case dict():
            return {name: _short(inner) for name, inner in value.items()}
        case list():
            return [_short(inner) for inner in value]
    return value


def _escape(_: Any, __: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {name: printable(v) if isinstance(v, str) else v for name, v in line.items()}


# Without local variables, which hold people's uploads.
_extracted = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def _stacks(exc_info: structlog.typing.ExcInfo) -> list[Stack]:
    """Return an error and its causes, the last one first."""
    return [_without_quotes(stack) for stack in _extracted(exc_info)]


def _without_quotes(stack: Stack) -> Stack:
    inner = [[_without_quotes(one) for one in stacks] for stacks in stack["exceptions"]]
    notes = [reason_of(note) for note in stack["exc_notes"]]
    text = reason_of(stack["exc_value"])
    return {**stack, "exc_value": text, "exc_notes": notes, "exceptions": inner}


def _show_traceback(out: TextIO, error: structlog.typing.ExcInfo) -> None:
    """Write the same stacks as Python does, the last one last."""
    out.writelines(f"\n{_short(printable(line))}" for line in _lines(_stacks(error)))


def _lines(stacks: Sequence[Stack], indent: str = "") -> Iterator[str]:
    for stack in reversed(stacks):
        for inner in stack["exceptions"]:
            yield from _lines(inner, f"{indent}  | ")
        for frame in stack["frames"]:
            place = f'File "{frame["filename"]}", line {frame["lineno"]}, in {frame["name"]}'
            yield f"{indent}  {place}"
        yield f"{indent}{stack['exc_type']}: {stack['exc_value']}"


def _encoded(line: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(line, default=repr).decode()
    except TypeError:
        # orjson refuses half a surrogate pair, for example, which a library may quote.
        return _ENCODER.encode(line)


_with_error = structlog.processors.ExceptionRenderer(_stacks)


def _line(level: str, event: str | None, fields: MutableMapping[str, Any]) -> str:
    """Encode a line, with the fields that every line has in front."""
    if "exc_info" in fields:
        fields = _with_error(None, level, fields)
    line = {"timestamp": now_text(digits=6), "level": level, "event": event, **fields}
    text = _encoded(line)
    if len(text) > LONGEST_TEXT:
        text = _encoded(_cut(None, level, line))
    if text.isprintable():
        return text
    # JSON itself escapes only the first 32 control characters.
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
