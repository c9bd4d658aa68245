"""What a check found, and how that is shown."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console

from hybridsphere.screen import plain

_LINES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One question about the way of an upload; `lines` name what was found wanting."""

    name: str
    passed: bool
    detail: str
    lines: tuple[str, ...] = ()

    @classmethod
    def none_of(cls, lines: Iterable[str], name: str, detail: str) -> "Check":
        """A check that passes if nothing was found wanting."""
        wanting = tuple(lines)
        return cls(name, not wanting, detail, wanting)


def print_checks(checks: Iterable[Check], console: Console) -> None:
    """A line a check: whether it holds, its name, its figures, and below what was wanting."""
    for check in checks:
        mark = plain("✓ ", "green") if check.passed else plain("✗ ", "bold red")
        # One line each, whatever the width: they are also read by programs.
        console.print(
            mark, plain(f"{check.name:<14} ", "bold"), plain(check.detail), sep="", soft_wrap=True
        )
        for line in check.lines[:_LINES_SHOWN]:
            console.print(plain(f"    {line}", "red"), soft_wrap=True)
        if len(check.lines) > _LINES_SHOWN:
            console.print(plain(f"    … and {len(check.lines) - _LINES_SHOWN} more", "red"))
