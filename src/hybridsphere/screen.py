"""rich's console, for tables and pictures on a terminal."""

from typing import NoReturn

from rich.console import Console
from rich.text import Text

from hybridsphere.console import printable


class Screen(Console):
    """rich's console; where nobody reads it any more, it fails like every other file."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def plain(text: str, style: str = "") -> Text:
    """The same for rich, which takes no markup from it."""
    return Text(printable(text), style)
