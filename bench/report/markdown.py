"""Tables of texts as Markdown."""

from collections.abc import Iterator, Sequence
from typing import TypedDict


class Table(TypedDict):
    """A table; the first cell of each row names what was measured, the others are its columns."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def markdown(tables: Sequence[Table]) -> str:
    """Return tables as Markdown, an empty line between them."""
    return "\n\n".join("\n".join(_lines(table)) for table in tables)


def _lines(table: Table) -> Iterator[str]:
    columns = table["columns"]
    yield f"| {' | '.join([table['title'], *columns])} |"
    yield f"| {' | '.join(['---', *('---:' for _ in columns)])} |"
    for row in table["rows"]:
        yield f"| {' | '.join(row)} |"
