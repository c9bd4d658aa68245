"""Figures are shown beside the usual way's and the least, with what they are held to."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from rich.console import Console

from bench.page import main as page_command
from bench.page import marks, page
from bench.report import figures
from bench.report.picture import picture
from bench.report.row import Part, Row, Target
from bench.report.table import table

FASTER = Row("a <clip> & more", "ms", usual=900, ours=300, least=250, target=Target(3, "times"))
SLOWER = Row("nobody in it", "ms", usual=300, ours=600, target=Target(1.2, "usual"))
THROUGHPUT = Row("throughput", "messages/s", usual=100, ours=1250, more_is_better=True)
ABSENT = Row("beside Node", "ms", None, 7, target=Target(2, "times"), remark="no node on the PATH")
PART = Part(
    "all",
    "Everything [at once]",
    "by hand",
    [FASTER, SLOWER, THROUGHPUT, ABSENT],
    "by magic",
    ["Warm."],
)
RUN = {
    "measured_at": "2026-11-22T05:00:00",
    "command": "python -m bench",
    "machine": "a machine",
    "load": 0.5,
}


def test_better_is_less_time_and_more_messages() -> None:
    assert [row.times_better for row in PART.rows] == [3, 0.5, 12.5, None]


@pytest.mark.parametrize(
    ("row", "reached"),
    [
        (FASTER, True),
        (Row("", "ms", 900, 301, target=Target(3, "times")), False),
        (SLOWER, False),
        (Row("", "ms", 300, 360, target=Target(1.2, "usual")), True),
        (Row("", "ms", 300, 30, 20, target=Target(1.5, "least")), True),
        (Row("", "ms", 300, 31, 20, target=Target(1.5, "least")), False),
        (Row("", "ms", 300, 3, target=Target(3, "figure")), True),
        (Row("", "ms", 300, 3.1, target=Target(3, "figure")), False),
        (Row("", "/s", 1, 5, more_is_better=True, target=Target(5, "figure")), True),
        (Row("", "/s", 1, 4.9, more_is_better=True, target=Target(5, "figure")), False),
        (THROUGHPUT, None),
        (ABSENT, None),
        (Row("", "MB", 1, None, target=Target(325, "figure")), None),
    ],
)
def test_a_target_is_a_multiple_a_part_or_a_figure(row: Row, reached: bool | None) -> None:
    assert row.reached is reached


def test_the_words_tell_the_target_and_where_the_row_stands() -> None:
    assert (figures.target(FASTER), figures.verdict(FASTER)) == ("3 times better", "3: reached")
    assert figures.target(SLOWER) == "at most 1.2 of the usual"
    assert figures.verdict(SLOWER) == "2: missed"
    assert figures.target(Row("", "ms", 1, 1, target=Target(3, "figure"))) == "at most 3 ms"
    assert figures.verdict(ABSENT) == "not measured"


def test_the_table_shows_the_three_ways_and_the_target() -> None:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(table([PART]))
    text = captured.get()
    for expected in ("Everything [at once]", "900 ms", "300 ms", "250 ms", "3: reached", "Warm."):
        assert expected in text
    assert "1,200 messages/s" in text
    assert "no node on the PATH" in text
    assert "by magic" in text


def test_a_part_is_kept_as_json_and_read_again() -> None:
    assert Part.from_json(json.loads(json.dumps(PART.to_json()))) == PART


def test_the_picture_is_an_svg_with_every_row() -> None:
    drawn = ET.fromstring(picture([PART], "a machine"))
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a <clip> & more", "nobody in it", "throughput", "beside Node", "a machine"} <= set(
        texts
    )


def test_the_longest_bar_of_each_row_fills_the_width() -> None:
    rows = [FASTER, THROUGHPUT]
    drawn = ET.fromstring(picture([Part("all", "", "", rows)], ""))
    bars = [bar for bar in drawn.iter("{http://www.w3.org/2000/svg}rect") if bar.get("fill")]
    widths = [int(bar.get("width", 0)) for bar in bars[1:]]
    assert len(widths) == 5
    assert max(widths[:3]) == max(widths[3:]) > min(widths)


def test_the_page_has_the_figures_between_its_marks(tmp_path: Path) -> None:
    run = {**RUN, "parts": [PART.to_json()]}
    assert "| 900 ms | 300 ms | 250 ms | 3 | 3 times better | 3: reached |" in page(run)
    (tmp_path / "bench.json").write_text(json.dumps(run))
    wholes = [{"title": "A video", "pieces": {"finding": 30, "encoding": 10}}]
    where = {**RUN, "command": "python -m bench.where", "wholes": wholes}
    (tmp_path / "where.json").write_text(json.dumps(where))
    (tmp_path / "where.svg").write_text("<svg/>")
    (text := tmp_path / "page.md").write_text(
        "\n".join(["before", *marks("figures"), "between", *marks("where"), "after"])
    )
    for _ in range(2):
        arguments = ["--out", str(tmp_path), "--into", str(text)]
        done = CliRunner().invoke(page_command, arguments)
        assert done.exit_code == 0, done.output
    lines = text.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert lines.count("between") == 1
    assert page(run) in text.read_text()
    assert "| | finding | 30 ms | 75% |" in lines
    for measured_by in ("python -m bench", "python -m bench.where"):
        line = f"All by one `{measured_by}` on 2026-11-22: a machine; load at the end 0.5."
        assert lines.count(line) == 1
    assert text.with_suffix(".svg").read_text() == "<svg/>"


def test_without_a_run_there_is_no_page(tmp_path: Path) -> None:
    done = CliRunner().invoke(page_command, ["--out", str(tmp_path)])
    assert done.exit_code == 1
    assert f"there is no {tmp_path / 'bench.json'}: `make bench` writes it" in done.output


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2_114_152, "2,100,000"),
        (1105, "1,100"),
        (21.14, "21"),
        (5.0, "5"),
        (0.981, "0.98"),
        (0.0405, "0.041"),
        (0.000123, "0.00012"),
        (0.0, "0"),
    ],
)
def test_figures_have_two_significant_ones(value: float, text: str) -> None:
    assert figures.rounded(value) == text


def test_a_figure_that_misses_its_target_by_little_does_not_look_like_it() -> None:
    just_under = Row("", "/s", 1, 1996, more_is_better=True, target=Target(2000, "figure"))
    assert figures.ways(just_under)[1] == "1,996 /s"
    assert figures.verdict(Row("", "ms", 10, 12.04, target=Target(1.2, "usual"))) == "1.204: missed"
    assert figures.times(Row("", "ms", 15.99, 1, target=Target(16, "times"))) == "15.99"
    assert figures.ways(Row("", "ms", 1, 3, target=Target(3, "figure")))[1] == "3 ms"


def test_a_target_is_shown_as_it_is() -> None:
    assert figures.target(Row("", "MB", 1, 1, target=Target(325, "figure"))) == "at most 325 MB"


def test_a_page_without_the_marks_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bench.json").write_text(json.dumps({**RUN, "parts": []}))
    (text := tmp_path / "page.md").write_text("nothing here\n")
    done = CliRunner().invoke(page_command, ["--out", str(tmp_path), "--into", str(text)])
    assert done.exit_code == 1
    assert text.read_text() == "nothing here\n"


@pytest.mark.parametrize("name", ["where", "cost"])
def test_a_page_is_not_filled_in_part(name: str, tmp_path: Path) -> None:
    (tmp_path / "bench.json").write_text(json.dumps({**RUN, "parts": []}))
    before = "\n".join([*marks("figures"), *marks(name)])
    (text := tmp_path / "page.md").write_text(before)
    done = CliRunner().invoke(page_command, ["--out", str(tmp_path), "--into", str(text)])
    assert done.exit_code == 1
    assert f"the page has a place for {name}, and there are no figures" in done.output
    assert text.read_text() == before
