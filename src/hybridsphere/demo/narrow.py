"""The table of results on a terminal that is too narrow for all of it: no word of it is broken.

First the reasons go on in the next line, then keys lose their middle and majors their end, then
columns are left out, the last one first.
"""

from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

_ALWAYS = 3
"""Of the columns, from the left; what matters most is in them."""

_LEAST = {"status": 18, "video": 12, "major": 8}
"""Cells that a column can do with, in the order in which they give way. The others are as wide as
what is in them.
"""


def narrow_table(columns: Mapping[str, Sequence[Text]], width: int) -> Table:
    """A table with these columns, their names in its head, of so many cells a line."""
    widths = {name: max(map(_cells, [Text(name), *texts])) for name, texts in columns.items()}
    while len(widths) > _ALWAYS and _total(_leasts(widths).values()) > width:
        widths.popitem()
    _shrink(widths, width)
    # Two spaces between columns if there is room for them.
    more_space = int(_total(widths.values(), between=2) <= width)
    table = Table(
        header_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, more_space, 0, 0),
    )
    for name, cells in widths.items():
        if name == "status":
            table.add_column(name, width=cells, overflow="fold")
        else:
            table.add_column(name, width=cells, overflow="ellipsis", no_wrap=True)
    for row in zip(*(columns[name] for name in widths), strict=True):
        texts = dict(zip(widths, row, strict=True))
        texts["video"] = _without_middle(texts["video"], widths["video"])
        table.add_row(*texts.values())
    return table


def _cells(text: Text) -> int:
    return max(cell_len(line) for line in text.plain.split("\n"))


def _total(widths: Iterable[int], between: int = 1) -> int:
    each = list(widths)
    return sum(each) + between * (len(each) - 1)


def _leasts(widths: Mapping[str, int]) -> dict[str, int]:
    return {name: min(cells, _LEAST.get(name, cells)) for name, cells in widths.items()}


def _shrink(widths: dict[str, int], width: int) -> None:
    """Take from the columns what they have too much together, one after another."""
    leasts = _leasts(widths)
    for name in filter(widths.__contains__, _LEAST):
        too_much = max(_total(widths.values()) - width, 0)
        widths[name] -= min(too_much, widths[name] - leasts[name])


def _without_middle(text: Text, width: int) -> Text:
    """The beginning of a key and, twice as long, its end, where the file's own name is."""
    plain, kept = text.plain, len(text)
    while cell_len(plain) > width and kept:
        kept -= 1
        plain = f"{text.plain[: kept // 3]}…{text.plain[len(text) - kept + kept // 3 :]}"
    return Text(plain, text.style)
