"""rich's console: marks, tables and pictures on a terminal."""

from typing import NoReturn

from rich.console import Console
from rich.text import Text

from hybridsphere.console import printable


class Screen(Console):
    """rich's console, which fails like other files once nobody reads it."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def mark(passed: bool) -> Text:
    """Return the mark of success or the mark of failure."""
    return Text("✓", "green") if passed else Text("✗", "bold red")


def plain(text: str, style: str = "") -> Text:
    """Escape a text for rich, which then reads no markup in it."""
    return Text(printable(text), style)
