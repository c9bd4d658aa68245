"""Standard output and error: what commands say, and the escaping of untrusted text.

Light, so that `--help` answers at once.
"""

import io
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

import click


def printable(text: str) -> str:
    """Escape every character that could steer a terminal or deceive the reader."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def tell(text: str) -> None:
    """Print lines to standard error; names of files and people in them may hold anything."""
    _write_lines(printable(line) for line in text.split("\n"))


def note(text: str) -> None:
    """Print a line that the user should know of, though the command goes on."""
    _write_lines([f"{_label('note', 'yellow')} {printable(text)}"])


def complain(message: str, *, details: Iterable[tuple[str, str]] = (), hint: str = "") -> None:
    """Print an error, an aligned list of its details, and the remedy."""
    details = [(printable(name), printable(fault)) for name, fault in details]
    width = max((len(name) for name, _ in details), default=0)
    lines = [f"{_label('error', 'red')} {printable(message)}"]
    lines += [f"  {name:<{width}}  {fault}" for name, fault in details]
    if hint:
        lines.append(f"{_label('hint', 'cyan')} {printable(hint)}")
    _write_lines(lines)


def _label(word: str, colour: str) -> str:
    return click.style(f"{word}:", fg=colour, bold=True)


def _write_lines(lines: Iterable[str]) -> None:
    # Without a file click takes an ASCII stream for a misconfigured one, and writes UTF-8. It drops
    # the colours where the stream is not a terminal; NO_COLOR is the usual wish for none.
    colour = False if os.environ.get("NO_COLOR") else None
    click.echo("\n".join(lines), file=sys.stderr, color=colour)


class _LibraryLines(logging.Handler):
    """A handler that prints a library's warning as a line, without the traceback's secrets."""

    def emit(self, record: logging.LogRecord) -> None:
        from hybridsphere.messages import reason_of  # noqa: PLC0415 - not for --help

        error = record.exc_info and record.exc_info[1]
        reason = f": {type(error).__name__}: {reason_of(str(error))}" if error else ""
        tell(f"{record.name}: {reason_of(record.getMessage())}{reason}")


def prepare() -> None:
    """Open both streams where they are closed, and escape characters that they cannot encode.

    Uploaders choose keys and names, and a terminal may know ASCII only.
    """
    # For commands that do not configure logging.
    logging.lastResort = _LibraryLines(logging.WARNING)
    # They are None where the parent process has closed them.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - open until the end


@contextmanager
def utf8_output() -> Iterator[TextIO]:
    """Yield standard output in UTF-8, whatever the locale."""
    sys.stdout.flush()
    out = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
    try:
        yield out
    finally:
        out.detach()


@contextmanager
def flushed() -> Iterator[None]:
    """Flush both streams at the end. Raises OSError, once."""
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)


def _flush(stream: TextIO) -> None:
    try:
        stream.flush()
    except OSError:
        # The interpreter would complain about the rest again as it ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        raise
