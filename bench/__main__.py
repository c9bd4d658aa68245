"""`python -m bench`: measures, prints the table, and writes JSON and a picture to `bench/out`.

Exits with 1 where the ways do not agree, for then there is nothing to compare.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from bench import parts, process
from bench.double_process import BridgeFailed
from bench.picture import picture
from bench.rounds import Rounds
from bench.row import Part, WrongAnswer
from bench.table import table

OUT = Path(__file__).parent / "out"

_WIDTH = 140
"""Columns of the table where it goes to no terminal."""

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
AT_LEAST_ONE = click.IntRange(1)


@click.command(context_settings={"show_default": True})
@click.argument("part", type=click.Choice(parts.NAMES), nargs=-1)
@click.option("--videos", type=FOLDER, help="Videos, instead of the demo's clips.")
@click.option("--encodings", type=FILE, help="Known faces for them, .npz or the legacy pickle.")
@click.option("--messages", type=AT_LEAST_ONE, default=4000, help="Uploads for the bridge.")
@click.option(
    "--rounds", type=AT_LEAST_ONE, default=3, help="Rounds to take the median of, if there is time."
)
def main(
    part: tuple[str, ...],
    videos: Path | None,
    encodings: Path | None,
    messages: int,
    rounds: int,
) -> None:
    """Measure each PART, or all: ours between the usual way and the least that could be done."""
    if sys.platform != "linux":
        raise click.ClickException("needs Linux, to bind processes to a core and read their time")
    if (videos is None) != (encodings is None):
        raise click.UsageError("--videos and --encodings go together")
    OUT.mkdir(exist_ok=True)
    options = parts.Options(OUT, videos, encodings, messages, Rounds(rounds), _report)
    try:
        measured = [
            parts.run(name, options) for name in parts.NAMES if name in (part or parts.NAMES)
        ]
    except WrongAnswer as error:
        raise click.ClickException(f"the ways do not agree: {error}") from error
    except (BridgeFailed, parts.CannotMeasure) as error:
        raise click.ClickException(str(error)) from error
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table(measured))
    _write(measured)


def _write(measured: list[Part]) -> None:
    """Keeps the figures, and what they were measured on."""
    figures = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": process.machine(),
        "load": process.load(),
        "parts": [part.to_json() for part in measured],
    }
    (OUT / "bench.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (OUT / "bench.svg").write_text(picture(measured, process.machine()), encoding="utf-8")
    click.echo(
        f"{process.machine()}, load {process.load():.1f}\n"
        "Written to bench/out: bench.json, bench.svg"
    )


def _report(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    main(prog_name="python -m bench")
