"""Standard output and error, and the escaping of untrusted text; light to import."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click


def printable(text: str) -> str:
    """The text with everything escaped that could steer a terminal, or deceive who reads it."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def tell(text: str) -> None:
    """Print to standard error; names of files and people in it may hold anything."""
    lines = "\n".join(printable(line) for line in text.split("\n"))
    # By itself click takes an ASCII stream for one that is set up wrongly, and writes UTF-8.
    click.echo(lines, file=sys.stderr)


class _LibraryLines(logging.Handler):
    """Makes a line of what a library warns of: what it quotes below may be secret."""

    def emit(self, record: logging.LogRecord) -> None:
        from hybridsphere.messages import reason_of  # noqa: PLC0415 - not for --help

        error = record.exc_info and record.exc_info[1]
        reason = f": {type(error).__name__}: {reason_of(str(error))}" if error else ""
        tell(f"{record.name}: {reason_of(record.getMessage())}{reason}")


def prepare() -> None:
    """Have both streams there, and what they have no characters for escaped.

    Keys and names are whatever somebody uploaded, and a terminal may know ASCII only.
    """
    # For commands that set up no log of their own.
    logging.lastResort = _LibraryLines(logging.WARNING)
    # They are None where whoever started this has closed them.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - as long as we are


@contextmanager
def utf8_output() -> Iterator[TextIO]:
    """Standard output in UTF-8, whatever the locale."""
    sys.stdout.flush()
    out = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
    try:
        yield out
    finally:
        out.detach()


@contextmanager
def flushed() -> Iterator[None]:
    """See to it that all has been written at the end. Raises OSError, once."""
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)


def _flush(stream: TextIO) -> None:
    try:
        stream.flush()
    except OSError:
        # What is left would only be complained about again when the interpreter ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        raise
