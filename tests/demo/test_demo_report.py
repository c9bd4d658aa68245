"""The results of a demo on terminals of several widths, and in a pipe."""

import io
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console

from hybridsphere.demo.report import print_results

COLUMNS = ["video", "status", "person", "major", "year", "distance", "seconds"]


def message(key: str, status: str, reason: str | None = None, *people: Any) -> dict[str, Any]:
    times = {"started_at": "2026-11-21T00:00:01.000Z", "finished_at": "2026-11-21T00:00:02.500Z"}
    seen = [{**person, "distance": 0.3} for person in people]
    return {"key": key, "status": status, "reason": reason, "people": seen, **times}


EMIL = {"name": "emil_sorel", "major": "electrical_engineering", "year": "sophomore"}
NOEL = {"name": "noel_hart", "major": "", "year": ""}
MESSAGES = [
    message("lectures/mécanique.mkv", "matched", None, EMIL, NOEL),
    message("first row.mp4", "unreadable", "not_video"),
]
WORDS = ["lectures/mécanique.mkv", "electrical_engineering", "sophomore", "noel_hart", "0.300"]


def printed(
    width: int, messages: Sequence[dict[str, Any]] = MESSAGES, *, terminal: bool = True
) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system=None)
    print_results(messages, console)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [120, 200])
def test_a_wide_terminal_gets_a_table_with_every_column(width: int) -> None:
    lines = printed(width)

    assert lines[1].split() == COLUMNS
    assert lines[3].split() == [
        *("lectures/mécanique.mkv", "matched", "emil_sorel", "electrical_engineering"),
        *("sophomore", "0.300", "1.50"),
    ]
    assert lines[4].split() == ["noel_hart", "0.300"]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_narrow_terminal_gets_a_list_without_a_broken_word(width: int) -> None:
    lines = printed(width)
    words = " ".join(lines).replace(",", " ").split()

    assert all(len(line) <= width for line in lines)
    assert set(WORDS) <= set(words)
    assert "…" not in "".join(lines)


def test_the_list_has_a_line_a_video_and_a_line_a_person() -> None:
    lines = [line.rstrip() for line in printed(80) if line.strip()]

    assert lines == [
        "lectures/mécanique.mkv  matched  1.50 s",
        "  emil_sorel  electrical_engineering, sophomore  0.300",
        "  noel_hart  0.300",
        "first row.mp4  unreadable (not_video)  1.50 s",
    ]


def test_a_long_reason_is_printed_to_its_end() -> None:
    reason = "RetriesExhausted: GalleryError: known.npz: there is no such file"
    lines = printed(60, [message("last.mp4", "failed", reason)])

    assert f"({reason})" in " ".join(" ".join(lines).split())


@pytest.mark.parametrize("width", [40, 160])
def test_a_pipe_gets_cells_with_tabs_between_them_and_no_padding(width: int) -> None:
    assert printed(width, terminal=False) == [
        "\t".join(COLUMNS),
        "\t".join(
            [
                *("lectures/mécanique.mkv", "matched", "emil_sorel;noel_hart"),
                *("electrical_engineering;", "sophomore;", "0.300;0.300", "1.50"),
            ]
        ),
        "first row.mp4\tunreadable (not_video)\t\t\t\t\t1.50",
    ]


def test_a_key_with_a_tab_stays_one_cell() -> None:
    lines = printed(80, [message("a\tb.mp4", "no_face")], terminal=False)

    assert lines[1].split("\t")[0] == r"a\tb.mp4"


def test_the_place_is_a_column_where_there_are_several() -> None:
    messages = [{**MESSAGES[0], "place": "home"}, {**MESSAGES[1], "place": "lambda"}]
    header, first, second = printed(200, messages, terminal=False)
    assert header.split("\t") == [*COLUMNS, "place"]
    assert first.endswith("\thome")
    assert second.endswith("\tlambda")
    assert printed(200, messages)[1].split() == [*COLUMNS, "place"]
    assert "home" in " ".join(printed(60, messages)).split()
    in_lambda = [{**message, "place": "lambda"} for message in MESSAGES]
    assert printed(200, in_lambda, terminal=False)[0].split("\t") == COLUMNS
