"""The types of options that several commands share, and how their work is run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Coroutine

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
PHOTOS = click.Path(exists=True, path_type=Path)
PLACE = click.Path(path_type=Path)


class Source(click.Choice[str]):
    """The sources by name; an old name is refused with the new one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value == "none":
            self.fail("'none' is called 'direct' now.", param, ctx)
        return super().convert(value, param, ctx)


SOURCE = Source(["queue", "bucket", "direct"])
SINK = click.Choice(["queue", "bucket"])
WORKERS = click.IntRange(1, 1000)
CORES = "one for each processor"
MODE = click.Choice(["identify", "attendance"])

T = TypeVar("T")


def run(work: "Coroutine[Any, Any, T]") -> T:
    """Run a coroutine to its end; asyncio takes a third of the time that `--help` has."""
    import asyncio  # noqa: PLC0415 - not for --help

    return asyncio.run(work)
