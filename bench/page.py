"""The figures of a run as they stand in docs/performance.md and docs/recognition.md.

    python -m bench.page [--into FILE] [--out FOLDER]

Prints them as Markdown, or puts them into FILE, each block between its two marks: `figures` and
`cost` of the last `python -m bench`, `recognition` of the last run of that part, `where` of the
last `python -m bench.where`. The pictures of the last two are put beside FILE.
"""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from bench import cost
from bench.report import figures
from bench.report.markdown import markdown
from bench.report.row import Part, Row

_MADE_BY = {
    "figures": "`python -m bench`",
    "where": "`python -m bench.where`",
    "cost": "`python -m bench`, with the parts videos, start and bridge,",
    "recognition": "`python -m bench recognition`",
}
"""The blocks, and what measures the figures in them."""

_PICTURES = ("where", "recognition")
"""The blocks that go with a picture."""

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option(
    "--out", type=FOLDER, default=Path(__file__).parent / "out", help="Folder of the runs."
)
@click.option("--into", type=FILE, help="A page with the marks.")
def main(out: Path, into: Path | None) -> None:
    """Print the figures of the last runs as Markdown, or put them into a page."""
    try:
        found = blocks(out)
    except FileNotFoundError as error:
        raise click.ClickException(
            f"there is no {error.filename}: `make bench` writes it"
        ) from error
    if into is None:
        click.echo("\n\n".join(found.values()))
        return
    text = into.read_text(encoding="utf-8")
    places = [name for name in _MADE_BY if _pattern(name).search(text)]
    if not places:
        begin, end = marks("figures")
        raise click.ClickException(f"the page has no place for figures, from {begin} to {end}")
    for name in places:
        text = _replaced(text, name, found.get(name))
    into.write_text(text, encoding="utf-8")
    for name in set(places).intersection(_PICTURES):
        shutil.copyfile(out / f"{name}.svg", into.with_suffix(".svg"))


def _pattern(name: str) -> re.Pattern[str]:
    begin, end = marks(name)
    return re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)


def _replaced(text: str, name: str, block: str | None) -> str:
    """Return a text with a block in its place.

    Raises ClickException without the block: an earlier run's would stay beside those of this one.
    """
    begin, end = marks(name)
    if block is None:
        raise click.ClickException(
            f"the page has a place for {name}, and there are no figures: {_MADE_BY[name]}"
            " measures them"
        )
    return _pattern(name).sub(lambda _: f"{begin}\n{block}\n{end}", text)


def marks(name: str) -> tuple[str, str]:
    """Return the marks before and after a block in the page."""
    return f"<!-- {name} -->", f"<!-- end of {name} -->"


def blocks(out: Path) -> dict[str, str]:
    """Each block that the files in a folder have the figures for, by name."""
    run: dict[str, Any] = json.loads((out / "bench.json").read_text(encoding="utf-8"))
    found = {"figures": page(run)}
    if (file := out / "recognition.json").exists():
        faces: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        found["recognition"] = "\n".join([_measured(faces), "", markdown(faces["tables"])])
    if (file := out / "where.json").exists():
        where: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        found["where"] = "\n".join([_measured(where), "", *_shares(where["wholes"])])
    try:
        found["cost"] = cost.markdown(cost.measured(run))
    except cost.NoFigure as error:
        click.echo(f"no cost: {error}", err=True)
    return found


def page(run: dict[str, Any]) -> str:
    """A run, as bench.json keeps it: what it was measured on, the table, and the notes."""
    parts = [Part.from_json(part) for part in run["parts"]]
    return "\n".join(
        [
            _measured(run),
            "",
            *_table(parts),
            "",
            *(line for part in parts for line in _notes(part)),
        ]
    )


def _measured(run: dict[str, Any]) -> str:
    """Return the command, the date and the machine of a run."""
    return (
        f"All by one `{run['command']}` on {run['measured_at'][:10]}: {run['machine']}; load at the"
        f" end {run['load']:.1f}."
    )


def _shares(wholes: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "| | | CPU time | share |"
    yield "| --- | --- | ---: | ---: |"
    for whole in wholes:
        all_ms = sum(whole["pieces"].values())
        yield f"| **{_cell(whole['title'])}** | | {figures.figure(all_ms, 'ms')} | |"
        for name, ms in whole["pieces"].items():
            yield f"| | {_cell(name)} | {figures.figure(ms, 'ms')} | {ms / all_ms:.0%} |"


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
        *figures.ways(row),
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
