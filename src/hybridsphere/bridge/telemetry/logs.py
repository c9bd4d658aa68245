"""Logs: one event a line, JSON unless a person is looking.

Keys, names and reasons are whatever somebody uploaded: they are cut to a length, and what could
steer a terminal is escaped. Of an error, and of what a library says, the first line is told,
without passwords: below it AWS's errors quote requests and answers, new credentials among them.
"""

import io
import json
import logging
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from typing import Any, TextIO, cast

import orjson
import structlog

from hybridsphere.console import printable
from hybridsphere.messages import reason_of

LONGEST_TEXT = 2000
"""What a line shows of one text, in characters: a key of S3's and a reason of ours fit."""

Stack = dict[str, Any]
"""One error of a chain, as structlog has it: its type, its text, its frames."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, default=repr, separators=(",", ":"))


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


class _Libraries(logging.Handler):
    """Makes lines of ours of what libraries log."""

    def emit(self, record: logging.LogRecord) -> None:
        fields = {"logger": record.name, "message": reason_of(record.getMessage())}
        # Libraries may have levels between the usual ones, structlog has not.
        level = min(record.levelno // 10 * 10, logging.CRITICAL)
        error = record.exc_info or None
        structlog.get_logger().log(level, "library.message", **fields, exc_info=error)


def configure() -> None:
    """Send everything to standard error, which systemd and Docker keep."""
    at_terminal = sys.stderr.isatty()
    if not at_terminal and isinstance(sys.stderr, io.TextIOWrapper):
        # JSON is UTF-8 whatever the locale, and knows no `\\xe9`.
        sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")
    for library in ("aiobotocore", "boto3", "botocore", "urllib3"):
        # At DEBUG these write whole requests, signatures and session tokens included. Whoever
        # turns everything to DEBUG does not mean that.
        logging.getLogger(library).setLevel(logging.WARNING)
    # What the libraries have to say is a line like any other, and not several.
    logging.getLogger().addHandler(_Libraries())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(_for_a_person() if at_terminal else _for_machines()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Sink(sys.stderr))),
        cache_logger_on_first_use=True,
    )


def _for_machines() -> list[structlog.typing.Processor]:
    return [structlog.processors.ExceptionRenderer(_stacks), _to_json]


def _for_a_person() -> list[structlog.typing.Processor]:
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=_show_traceback)
    return [_cut, _escape, renderer]


def _cut(_: Any, __: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A line without the length of its texts: a forged key may have 400 KB."""
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


# Without the local variables, which hold whatever people have uploaded.
_extracted = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def _stacks(exc_info: structlog.typing.ExcInfo) -> list[Stack]:
    """An error and what it came of, the last one first."""
    return [_without_quotes(stack) for stack in _extracted(exc_info)]


def _without_quotes(stack: Stack) -> Stack:
    inner = [[_without_quotes(one) for one in stacks] for stacks in stack["exceptions"]]
    notes = [reason_of(note) for note in stack["exc_notes"]]
    text = reason_of(stack["exc_value"])
    return {**stack, "exc_value": text, "exc_notes": notes, "exceptions": inner}


def _show_traceback(out: TextIO, error: structlog.typing.ExcInfo) -> None:
    """The same as Python shows it, the last one last."""
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
        # It encodes no half of a surrogate pair, say, which a library may quote.
        return _ENCODER.encode(line)


def _to_json(_: Any, __: str, line: MutableMapping[str, Any]) -> str:
    """A line with what every line has in front, so that the eye finds it."""
    head = {name: line[name] for name in ("timestamp", "level", "event")}
    text = _encoded({**head, **line})
    if len(text) > LONGEST_TEXT:
        text = _encoded({**head, **_cut(_, __, line)})
    if text.isprintable():
        return text
    # JSON itself escapes no control characters but the first 32.
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
