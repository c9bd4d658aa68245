"""Text of others on a terminal: keys, names and reasons are whatever somebody uploaded."""

from typing import NoReturn

from rich.console import Console
from rich.text import Text


class Screen(Console):
    """rich's console; where nobody reads it any more, it fails like every other file."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def printable(text: str) -> str:
    """The text with everything escaped that could steer a terminal, or deceive who reads it."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def plain(text: str, style: str = "") -> Text:
    """The same for rich, which takes no markup from it."""
    return Text(printable(text), style)
