"""What a demo shows of its results."""

import io
from typing import Any

import pytest
from rich.console import Console

from hybridsphere.demo.report import print_results

COLUMNS = ("video", "status", "person", "major", "year")


def message(key: str, status: str, reason: str | None = None, **person: str) -> dict[str, Any]:
    times = {"started_at": "2026-11-21T00:00:01.000Z", "finished_at": "2026-11-21T00:00:02.500Z"}
    people = [{**person, "distance": 0.3}] if person else []
    return {"key": key, "status": status, "reason": reason, "people": people, **times}


EMIL = {"name": "emil_sorel", "major": "electrical_engineering", "year": "sophomore"}
MESSAGES = [
    message("lectures/mécanique.mkv", "matched", **EMIL),
    message("first row.mp4", "unreadable", "not_video"),
]


def shown(width: int, *, terminal: bool = True) -> list[str]:
    out = io.StringIO()
    print_results(
        MESSAGES, Console(file=out, width=width, force_terminal=terminal, color_system=None)
    )
    return out.getvalue().splitlines()


def line_of(lines: list[str], word: str) -> str:
    (line,) = (line for line in lines if word in line)
    return line


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_narrow_terminal_has_everything_but_the_figures(width: int) -> None:
    lines = shown(width)

    assert all(len(line) <= width for line in lines)
    assert line_of(lines, "major").split() == list(COLUMNS)
    assert "emil_sorel" in line_of(lines, "matched")
    assert "sophomore" in line_of(lines, "matched")


def test_what_does_not_fit_a_terminal_of_80_columns_goes_on_in_the_next_line() -> None:
    lines = shown(80)

    assert "…" not in "".join(lines)
    first, second = lines[3:5]
    for whole in ("lectures/mécanique.mkv", "electrical_engineering"):
        start, end = first.index(whole[:9]), first.index(whole[:9]) + 20
        assert first[start:end].strip() + second[start:end].strip() == whole
    assert line_of(lines, "(not_video)").split() == ["(not_video)"]
    assert line_of(lines, "unreadable").split() == ["first", "row.mp4", "unreadable"]


def test_a_wide_terminal_has_everything() -> None:
    lines = shown(130)

    assert line_of(lines, "major").split() == [*COLUMNS, "distance", "seconds"]
    assert line_of(lines, "matched").split()[-2:] == ["0.300", "1.50"]


def test_a_file_loses_nothing_whatever_its_width() -> None:
    text = "".join(line.replace(" ", "") for line in shown(80, terminal=False))

    assert "distance" in text
    assert "…" not in text
