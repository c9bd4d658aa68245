"""One check of an upload, and how checks are printed."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hybridsphere.screen import mark, plain

_LINES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One question about the way of an upload; each of `lines` is a fault."""

    name: str
    passed: bool
    detail: str
    lines: tuple[str, ...] = ()

    @classmethod
    def without_faults(cls, lines: Iterable[str], name: str, detail: str) -> "Check":
        """Make a check that passes if there are no faults."""
        faults = tuple(lines)
        return cls(name, not faults, detail, faults)


def print_checks(checks: Iterable[Check], console: Console) -> None:
    """Print a line a check, and its faults below it.

    A terminal gets columns, with the last one wrapped between words. Programs get one line each,
    whatever its length.
    """
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        rows = [(mark(check.passed), plain(check.name, "bold"), plain(check.detail))]
        rows += [(Text(), Text(), fault) for fault in _faults(check)]
        for row in rows:
            if console.is_terminal:
                table.add_row(*row)
            else:
                console.print(*filter(None, row), soft_wrap=True)
    if console.is_terminal:
        console.print(table)


def _faults(check: Check) -> Iterable[Text]:
    yield from (plain(f"  {line}", "red") for line in check.lines[:_LINES_SHOWN])
    more = len(check.lines) - _LINES_SHOWN
    if more > 0:
        yield plain(f"  … and {more} more", "red")
