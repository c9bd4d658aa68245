"""Lines that doctor and status print: a mark, a name, a text and a hint."""

import json
import textwrap
from collections.abc import Sequence
from typing import Literal

from rich.console import Console
from rich.text import Text

from hybridsphere.screen import mark, plain
from hybridsphere.troubles import Remedy

State = Literal["ok", "bad", "note"]

NOTE = Text("–", "dim")
"""The mark of a part that could not be checked, need not be, or works with a limit."""

NAME_WIDTH = 17
"""Cells of the longest usual name, `dead-letter queue`."""


def mark_of(state: State) -> Text:
    return NOTE if state == "note" else mark(state == "ok")


def print_item(
    console: Console, state: State, name: str, text: str, remedy: Remedy | None = None
) -> None:
    """Print a line with its mark.

    A terminal gets aligned columns, folded between words; a pipe gets one line without padding.
    """
    style = "red" if state == "bad" else ""
    if not console.is_terminal:
        hint = f"; hint: {remedy}" if remedy else ""
        console.print(mark_of(state) + plain(f" {name}: {text}{hint}"), soft_wrap=True)
        return
    head = Text.assemble(mark_of(state), " ", plain(f"{name:<{NAME_WIDTH}}", "bold"), "  ")
    indent = 2 + NAME_WIDTH + 2
    first, *others = _folded(text, console.width - indent)
    if len(name) > NAME_WIDTH:
        # A path, say: the text begins in the next line.
        others.insert(0, first)
        first = ""
    if remedy:
        others += _folded(f"hint: {remedy.fix}", console.width - indent)
        others += _folded(f"see {remedy.symptom.link}", console.width - indent)
    # Whole lines: a spinner may stand below.
    console.print(head + plain(first, style), soft_wrap=True)
    for line in others:
        print_line(console, f"{' ' * indent}{line}", style)


def print_headline(console: Console, state: State, sentence: str, hint: str = "") -> None:
    """Print the sentence that says it all, and the next step."""
    console.print(mark_of(state) + plain(f" {sentence}", "bold"), soft_wrap=True)
    if hint:
        print_line(console, f"hint: {hint}", "cyan")


def print_pairs(console: Console, title: str, pairs: Sequence[tuple[str, str]]) -> None:
    """Print names with their values below a title: aligned on a terminal, not padded in a pipe."""
    width = max(len(name) for name, _ in pairs)
    if console.is_terminal:
        print_line(console, "")
    print_line(console, title, "bold")
    for name, value in pairs:
        if not console.is_terminal:
            print_line(console, f"{name}: {value}")
            continue
        first, *others = _folded(value, console.width - width - 4)
        print_line(console, f"  {name:<{width}}  {first}")
        for line in others:
            print_line(console, f"{' ' * (width + 4)}{line}")


def print_line(console: Console, line: str, style: str = "") -> None:
    """Print a line as it is, whatever the width."""
    console.print(plain(line, style), soft_wrap=True)


def print_json(console: Console, value: object) -> None:
    """Print a value as JSON, whose escapes keep a terminal safe."""
    console.print(Text(json.dumps(value, indent=2)), soft_wrap=True)


def _folded(text: str, width: int) -> list[str]:
    """Break a text between words; a word that is too long has a line for itself."""
    return textwrap.wrap(text, max(width, 20), break_long_words=False, break_on_hyphens=False) or [
        ""
    ]
