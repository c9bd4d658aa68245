"""Tables on a terminal and in a pipe."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console

from hybridsphere.console import printable
from hybridsphere.screen import plain


def print_table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below the names of their columns.

    A terminal gets aligned columns; where the last one does not fit, it has the next line. A pipe
    gets one line a row, with tabs and without padding.
    """
    table = [[printable(cell) for cell in row] for row in [columns, *rows]]
    if not console.is_terminal:
        for row in table:
            # rich would write blanks for tabs.
            console.file.write("\t".join(row) + "\n")
        return
    widths = [max(cell_len(row[at]) for row in table) for at in range(len(columns))]
    fits = sum(widths) + 2 * (len(widths) - 1) <= console.width
    for at, row in enumerate(table):
        style = "" if at else "bold"
        *cells, last = row
        line = "  ".join(
            cell + " " * (width - cell_len(cell))
            for cell, width in zip(cells, widths, strict=False)
        )
        if fits:
            console.print(plain(f"{line}  {last}".rstrip(), style), soft_wrap=True)
        else:
            console.print(plain(line.rstrip(), style), soft_wrap=True)
            console.print(plain(f"    {last}", style or "dim"), soft_wrap=True)
