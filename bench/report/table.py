"""The figures as a table for the terminal."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bench.report import figures
from bench.report.row import Part, Row

_LEAST_WIDTH = 30
"""Columns of a row's subject; the figures share the rest."""

_COLOURS = {True: "green", False: "red", None: ""}


def table(parts: Sequence[Part]) -> Table:
    """All rows, the three ways side by side, a section a part; what the ways are stands below."""
    drawn = Table(
        caption=escape("\n".join(line for part in parts for line in _notes(part))),
        caption_justify="left",
    )
    drawn.add_column(overflow="fold", min_width=_LEAST_WIDTH)
    for column in ("usual way", "ours", "least", "times better", "target", ""):
        drawn.add_column(column, justify="right")
    for part in parts:
        drawn.add_section()
        drawn.add_row(Text(part.title, "bold"))
        for row in part.rows:
            drawn.add_row(_what(row), *_figures(row))
    return drawn


def _what(row: Row) -> Text:
    what = Text(row.what)
    if row.remark:
        what.append(f"\n{row.remark}", "dim")
    return what


def _figures(row: Row) -> list[Text | str]:
    return [
        *figures.ways(row),
        figures.times(row),
        figures.target(row),
        Text(figures.verdict(row), _COLOURS[row.reached]),
    ]


def _notes(part: Part) -> list[str]:
    ways = f"Usual way: {part.usual_way}."
    if part.least_way:
        ways += f" Least: {part.least_way}."
    return [f"{part.title}. {ways}", *(f"  {note}" for note in part.notes)]
