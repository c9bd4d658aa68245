"""Figures are shown beside the usual way's, with how many times better they are."""

from xml.etree import ElementTree as ET

from rich.console import Console

from bench.picture import picture
from bench.row import Part, Row
from bench.table import table

FASTER = Row("a <clip> & more", "ms", usual=900, ours=300, target=3)
SLOWER = Row("nobody in it", "ms", usual=300, ours=600, target=1)
THROUGHPUT = Row("throughput", "messages/s", usual=100, ours=1250, more_is_better=True)
PART = Part("all", "Everything [at once]", "by hand", [FASTER, SLOWER, THROUGHPUT], ["Warm."])


def test_better_is_less_time_and_more_messages() -> None:
    assert [row.times_better for row in PART.rows] == [3, 0.5, 12.5]
    assert [row.reached for row in PART.rows] == [True, False, None]


def test_the_table_shows_both_ways_and_the_target() -> None:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(table(PART))
    text = captured.get()
    for expected in ("Everything [at once]", "900 ms", "300 ms", "3 reached", "1 missed", "Warm."):
        assert expected in text
    assert "1,250 messages/s" in text


def test_the_picture_is_an_svg_with_every_row() -> None:
    drawn = ET.fromstring(picture([PART], "a machine"))
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a <clip> & more", "nobody in it", "throughput", "a machine"} <= set(texts)


def test_the_longer_bar_of_each_row_fills_the_width() -> None:
    drawn = ET.fromstring(picture([PART], ""))
    bars = [bar for bar in drawn.iter("{http://www.w3.org/2000/svg}rect") if bar.get("fill")]
    widths = [int(bar.get("width", 0)) for bar in bars[1:]]
    longest = [max(pair) for pair in zip(widths[::2], widths[1::2], strict=True)]
    assert len(set(longest)) == 1
    assert min(widths) < longest[0]
