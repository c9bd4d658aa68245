"""The progress of an enrollment, on a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

_CLEAR_LINE = "\r\x1b[K"


class EnrollProgress:
    """A line on standard error that counts files; nothing where that is not a terminal."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._terminal = sys.stderr.isatty()
        self._line = ""

    def show(self, done: int, total: int) -> None:
        """Count a finished file."""
        self._line = f"enrolling: {done} of {total} files"
        self._write(self._line)

    def report(self, text: str) -> None:
        """Report a line above the count."""
        self._write("")
        self._report(text)
        self._write(self._line)

    def clear(self) -> None:
        """Remove the line."""
        self._write("")

    def _write(self, line: str) -> None:
        if self._terminal:
            click.echo(f"{_CLEAR_LINE}{line}", err=True, nl=False)


@contextmanager
def enroll_progress(report: Callable[[str], None]) -> Iterator[EnrollProgress]:
    """Yield a progress line that is removed at the end."""
    progress = EnrollProgress(report)
    try:
        yield progress
    finally:
        progress.clear()
