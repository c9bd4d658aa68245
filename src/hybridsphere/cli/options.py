"""The types of options that several commands share, and how their work is run."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Coroutine

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
PHOTOS = click.Path(exists=True, path_type=Path)
PLACE = click.Path(path_type=Path)


class Way(click.Choice[str]):
    """The sources or the sinks by name; an old name is refused with the new one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices and param and param.name:
            from hybridsphere.settings.values import OLD_NAMES  # noqa: PLC0415 - loads pydantic

            if new := OLD_NAMES[param.name].get(value):
                self.fail(f"{value!r} is called {new!r} now.", param, ctx)
        return super().convert(value, param, ctx)


SOURCE = Way(["queue", "bucket", "direct"])
SINK = Way(["queue", "bucket"])
WORKERS = click.IntRange(1, 1000)
CORES = "one for each processor"
MODE = click.Choice(["identify", "attendance"])


class Address(click.ParamType[tuple[str, int]]):
    """An address to listen on, `host:port`; `:9000` means every address."""

    name = "address"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        host, colon, port = str(value).rpartition(":")
        if not colon or not port.isdecimal() or int(port) > 65535:
            self.fail(f"{value!r} is no address, as 127.0.0.1:9000.", param, ctx)
        return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - `:9000` means every one


ADDRESS = Address()

STATUS = click.Choice(["matched", "no_record", "unknown_face", "no_face", "unreadable", "failed"])


class Moment(click.ParamType[str]):
    """A day or a time, as ISO 8601 has them and in UTC without a zone; the ledger's text of it.

    `end` is for the end of a period, to which a day belongs whole.
    """

    name = "time"

    def __init__(self, *, end: bool = False) -> None:
        self._end = end

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from hybridsphere.messages.times import utc_text  # noqa: PLC0415 - not for --help

        try:
            moment = datetime.fromisoformat(value)
            if self._end and _is_day(value):
                moment += timedelta(days=1)
            return utc_text(moment.astimezone(UTC) if moment.tzinfo else moment)
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is no day or time, as 2026-11-21 or 2026-11-21T14:30.", param, ctx
            )


def _is_day(text: str) -> bool:
    return not any(mark in text for mark in ":T ")


SINCE = Moment()
UNTIL = Moment(end=True)

T = TypeVar("T")


def run(work: "Coroutine[Any, Any, T]") -> T:
    """Run a coroutine to its end; asyncio takes a third of the time that `--help` has."""
    import asyncio  # noqa: PLC0415 - not for --help

    return asyncio.run(work)
