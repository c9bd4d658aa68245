"""`python -m bench`: measures, prints tables, and writes JSON and a picture to `bench/out`.

Exits with 1 where the two ways do not agree, for then there is nothing to compare.
"""

# What a part needs is imported where it runs: the bridge is measured without the face libraries.
# ruff: noqa: PLC0415

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from bench.row import Part, WrongAnswer

OUT = Path(__file__).parent / "out"

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
AT_LEAST_ONE = click.IntRange(1)


@click.command(context_settings={"show_default": True})
@click.argument("part", type=click.Choice(["videos", "bridge"]), required=False)
@click.option("--videos", type=FOLDER, help="Videos, instead of the demo's clips.")
@click.option("--encodings", type=FILE, help="Known faces for them, .npz or the legacy pickle.")
@click.option("--messages", type=AT_LEAST_ONE, default=2000, help="Uploads for the bridge.")
@click.option("--rounds", type=AT_LEAST_ONE, default=3, help="Rounds to take the median of.")
def main(
    part: str | None, videos: Path | None, encodings: Path | None, messages: int, rounds: int
) -> None:
    """Measure PART, or both: each figure beside the usual way's, in the same run."""
    if sys.platform != "linux":
        raise click.ClickException("needs Linux, to bind processes to a core and read their time")
    if (videos is None) != (encodings is None):
        raise click.UsageError("--videos and --encodings go together")
    from bench.table import table

    OUT.mkdir(exist_ok=True)
    parts: list[Part] = []
    try:
        if part != "bridge":
            parts.append(_videos(videos, encodings, rounds))
        if part != "videos":
            parts.append(_bridge(messages, rounds))
    except WrongAnswer as error:
        raise click.ClickException(f"the two ways do not agree: {error}") from error
    for measured in parts:
        Console().print(table(measured))
    _write(parts)


def _videos(folder: Path | None, encodings: Path | None, rounds: int) -> Part:
    from bench import videos
    from lambda_fn.gallery import GalleryError

    if not (folder and encodings):
        with videos.demo_sample() as sample:
            return videos.measure(sample, rounds=rounds, report=_report)
    try:
        given = videos.given_sample(folder, encodings)
    except (GalleryError, OSError) as error:
        raise click.ClickException(str(error)) from error
    return videos.measure(given, rounds=rounds, report=_report)


def _bridge(messages: int, rounds: int) -> Part:
    from bench import bridge

    return bridge.measure(OUT, messages=messages, rounds=rounds, report=_report)


def _write(parts: list[Part]) -> None:
    """Keeps the figures, and what they were measured on."""
    from bench.picture import picture
    from bench.process import machine

    figures = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "parts": [asdict(part) for part in parts],
    }
    (OUT / "bench.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (OUT / "bench.svg").write_text(picture(parts, machine()), encoding="utf-8")
    click.echo(f"{machine()}\nWritten to bench/out: bench.json, bench.svg")


def _report(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    main(prog_name="python -m bench")
