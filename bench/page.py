"""The figures of a run as they stand in docs/performance.md.

    python -m bench.page [--into FILE] [bench/out/bench.json]

Prints them as Markdown, or puts them into FILE, between its two marks.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from bench import figures
from bench.row import Part, Row

BEGIN, END = "<!-- figures of bench/out/bench.json -->", "<!-- end of the figures -->"
_MARKED = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=FILE, default=Path(__file__).parent / "out" / "bench.json")
@click.option("--into", type=FILE, help="A page with the two marks.")
def main(file: Path, into: Path | None) -> None:
    """Print the figures in FILE as Markdown, or put them into a page."""
    markdown = page(json.loads(file.read_text(encoding="utf-8")))
    if into is None:
        click.echo(markdown)
        return
    text, found = _MARKED.subn(lambda _: f"{BEGIN}\n{markdown}\n{END}", into.read_text("utf-8"))
    if not found:
        raise click.ClickException(f"{into}: has no place for them, from {BEGIN} to {END}")
    into.write_text(text, encoding="utf-8")


def page(run: dict[str, Any]) -> str:
    """A run, as bench.json keeps it: what it was measured on, the table, and the notes."""
    parts = [Part.from_json(part) for part in run["parts"]]
    when, machine = run["measured_at"][:10], run["machine"]
    return "\n".join(
        [
            f"Measured {when} on {machine}; load at the end {run['load']:.1f}.",
            "",
            *_table(parts),
            "",
            *(line for part in parts for line in _notes(part)),
        ]
    )


def _table(parts: Sequence[Part]) -> Iterator[str]:
    yield "| | usual way | ours | least | times better | target | |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | --- |"
    for part in parts:
        yield f"| **{_cell(part.title)}** | | | | | | |"
        for row in part.rows:
            yield f"| {' | '.join(_cell(text) for text in _texts(row))} |"


def _texts(row: Row) -> list[str]:
    return [
        f"{row.what} ({row.remark})" if row.remark else row.what,
        *(figures.figure(value, row.unit) for value in (row.usual, row.ours, row.least)),
        figures.times(row),
        figures.target(row),
        figures.verdict(row),
    ]


def _notes(part: Part) -> Iterator[str]:
    ways = f"The usual way: {part.usual_way}."
    if part.least_way:
        ways += f" The least: {part.least_way}."
    yield " ".join([f"- *{part.title}.* {ways}", *part.notes])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main(prog_name="python -m bench.page")
