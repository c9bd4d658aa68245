"""`python -m bench`: measures, prints the table, and writes JSON and a picture to `bench/out`.

Exits with 1 where the ways do not agree, for then there is nothing to compare.
"""

import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console

from bench import parts, process
from bench.doubles.process import BridgeFailed
from bench.report.picture import picture
from bench.report.row import Part, WrongAnswer
from bench.report.table import table
from bench.rounds import OutOfTime, Rounds

OUT = Path(__file__).parent / "out"

_BEGUN_S = 480.0
"""No new work starts after this; running work ends within a minute or so."""

_LONGEST_S = 570.0
"""Running work is cancelled after this, so the whole ends within ten minutes."""

_FACES = Path(__file__).parents[2] / "shared" / "faces"
"""The folder beside the project's tree that tests use too."""

_WIDTH = 140
"""Columns of the table where it goes to no terminal."""

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
AT_LEAST_ONE = click.IntRange(1)

_PARTS = "\n".join(f"  {name:<10}  {about}" for name, about in parts.ABOUT.items())


@click.command(
    context_settings={"show_default": True, "max_content_width": 100},
    epilog=f"\b\nParts:\n{_PARTS}",
)
@click.argument("part", metavar="[PART]...", type=click.Choice(parts.NAMES), nargs=-1)
@click.option("--videos", type=FOLDER, help="Videos, instead of the demo's clips.")
@click.option("--encodings", type=FILE, help="Known faces for them, .npz or the legacy pickle.")
@click.option(
    "--faces",
    type=FOLDER,
    default=_FACES if _FACES.is_dir() else None,
    show_default=False,
    help="Faces for the part recognition: known/, strangers/ and east_asian/.",
)
@click.option("--messages", type=AT_LEAST_ONE, default=10_000, help="Uploads for the bridge.")
@click.option(
    "--rounds", type=AT_LEAST_ONE, default=3, help="Rounds to take the median of, if there is time."
)
def main(
    *,
    part: tuple[str, ...],
    videos: Path | None,
    encodings: Path | None,
    faces: Path | None,
    messages: int,
    rounds: int,
) -> None:
    """Measure each PART, or all: ours between the usual way and the least that could be done.

    All parts together end within ten minutes; a part without time is reported as
    missing. The figures are printed and written to bench/out: bench.json, bench.svg.
    `python -m bench.page` puts them into a page.
    """
    if sys.platform != "linux":
        raise click.ClickException("needs Linux, to bind processes to a core and read their time")
    if (videos is None) != (encodings is None):
        raise click.UsageError("--videos and --encodings go together")
    OUT.mkdir(exist_ok=True)
    began_s = time.monotonic()
    in_time = Rounds(rounds, ends_s=began_s + _BEGUN_S)
    options = parts.Options(OUT, videos, encodings, messages, in_time, _report, faces)
    names = [name for name in parts.NAMES if name in (part or parts.NAMES)]
    try:
        measured = [_run(name, options, began_s + _LONGEST_S) for name in names]
    except WrongAnswer as error:
        raise click.ClickException(f"the ways do not agree: {error}") from error
    except (BridgeFailed, parts.CannotMeasure) as error:
        raise click.ClickException(str(error)) from error
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table(measured))
    _write(measured, _command())


def _run(name: str, options: parts.Options, ends_s: float) -> Part:
    """A part, or what says that there was no time for it."""
    try:
        with _until(ends_s):
            return parts.run(name, options)
    except OutOfTime:
        _report(f"{name}: no time was left")
        return parts.unmeasured(name)


@contextmanager
def _until(ends_s: float) -> Iterator[None]:
    """Raises OutOfTime within, wherever that is, when the clock comes to `ends_s`."""

    def give_up(*_: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, give_up)
    # A timer of nothing would be none.
    signal.setitimer(signal.ITIMER_REAL, max(0.001, ends_s - time.monotonic()))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _command() -> str:
    """Return the command line, with every path replaced by a placeholder."""
    context = click.get_current_context()
    words = ["python -m bench", *context.params["part"]]
    for option in context.command.params:
        name = str(option.name)
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and isinstance(option, click.Option):
            value = context.params[name]
            words.append(f"{option.opts[0]} {_kind(value)}")
    return " ".join(words)


def _kind(value: Any) -> str:
    if isinstance(value, Path):
        return "DIR" if value.is_dir() else "FILE"
    return str(value)


def _write(measured: Sequence[Part], command: str) -> None:
    """Keeps the figures, and what they were measured on."""
    figures = {**process.provenance(command), "parts": [part.to_json() for part in measured]}
    (OUT / "bench.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (OUT / "bench.svg").write_text(picture(measured, process.machine()), encoding="utf-8")
    click.echo(
        f"{figures['machine']}, load {figures['load']:.1f}\n"
        "Written to bench/out: bench.json, bench.svg"
    )


def _report(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    main(prog_name="python -m bench")
