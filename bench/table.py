"""The figures as a table for the terminal."""

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bench.row import Part, Row

_REACHED = {True: " reached", False: " missed", None: ""}
_COLOURS = {True: "green", False: "red", None: ""}


def table(part: Part) -> Table:
    """A part's rows, the usual way and ours side by side, and its notes below."""
    drawn = Table(
        title=escape(part.title),
        title_justify="left",
        title_style="bold",
        caption=escape("\n".join([f"Usual way: {part.usual_way}.", *part.notes])),
        caption_justify="left",
    )
    drawn.add_column(overflow="fold")
    for column in ("usual way", "ours", "times better", "target"):
        drawn.add_column(column, justify="right", no_wrap=True)
    for row in part.rows:
        drawn.add_row(escape(row.what), *_figures(row))
    return drawn


def figure(value: float, unit: str) -> str:
    """A value to three figures or so, with its unit."""
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def _figures(row: Row) -> list[Text | str]:
    target = "" if row.target is None else f"{row.target:.3g}{_REACHED[row.reached]}"
    return [
        figure(row.usual, row.unit),
        figure(row.ours, row.unit),
        f"{row.times_better:.1f}",
        Text(target, _COLOURS[row.reached]),
    ]
