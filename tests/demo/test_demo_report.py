"""What a demo shows of its results."""

import io
from collections.abc import Sequence
from typing import Any

import pytest
from rich.cells import cell_len
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


def shown(
    width: int, messages: Sequence[dict[str, Any]] = MESSAGES, *, terminal: bool = True
) -> list[str]:
    out = io.StringIO()
    print_results(
        messages, Console(file=out, width=width, force_terminal=terminal, color_system=None)
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


def test_at_80_columns_everything_but_the_figures_is_told_and_no_word_broken() -> None:
    lines = shown(80)

    assert line_of(lines, "matched").split() == [
        *("lectures/mécanique.mkv", "matched", "emil_sorel", "electrical_engineering", "sophomore")
    ]
    assert line_of(lines, "(not_video)").split() == ["(not_video)"]
    assert line_of(lines, "unreadable").split() == ["first", "row.mp4", "unreadable"]


def test_where_it_is_narrower_keys_lose_their_middle_and_majors_their_end() -> None:
    lines = shown(60)

    assert line_of(lines, "matched").split() == [
        *("lec…ique.mkv", "matched", "emil_sorel", "electrical_en…", "sophomore")
    ]
    assert line_of(lines, "unreadable").split() == ["fir…", "row.mp4", "unreadable"]


@pytest.mark.parametrize(("width", "columns"), [(52, 4), (40, 3), (36, 3)])
def test_where_it_is_narrower_still_year_and_major_are_left_out(width: int, columns: int) -> None:
    lines = shown(width)

    assert all(len(line) <= width for line in lines)
    assert line_of(lines, "person").split() == list(COLUMNS[:columns])
    matched = line_of(lines, "matched").split()
    assert matched[0].endswith("ique.mkv")
    assert matched[1:3] == ["matched", "emil_sorel"]
    assert line_of(lines, "(not_video)").split() == ["(not_video)"]


def test_a_reason_goes_on_in_the_next_lines_and_is_told_to_its_end() -> None:
    reason = "RetriesExhausted: GalleryError: known.npz: there is no such file"
    lines = shown(60, [*MESSAGES, message("last.mp4", "failed", reason)])

    told = lines[lines.index(line_of(lines, "last.mp4")) + 1 :]
    assert " ".join(" ".join(told).split()) == f"({reason})"


def test_characters_of_two_cells_are_counted_as_two() -> None:
    wide = "講義" * 20 + ".mp4"
    lines = shown(60, [*MESSAGES, message(wide, "no_face")])

    row = line_of(lines, "no_face")
    assert row.split()[0] == "講義…義.mp4"
    assert cell_len(row.rstrip()) <= 60


def test_a_wide_terminal_has_everything() -> None:
    lines = shown(130)

    assert line_of(lines, "major").split() == [*COLUMNS, "distance", "seconds"]
    assert line_of(lines, "matched").split()[-2:] == ["0.300", "1.50"]


def test_a_file_loses_nothing_whatever_its_width() -> None:
    text = "".join(line.replace(" ", "") for line in shown(80, terminal=False))

    assert "distance" in text
    assert "…" not in text
