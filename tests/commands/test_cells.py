"""Cells that no spreadsheet takes for formulas."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridsphere.commands.cells import harmless

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a;=1+1.mp4", "a;'=1+1.mp4"),
        ("a,b|@sum", "a,b|'@sum"),
        ("a\t+1", "a\t'+1"),
        ("a\n-1", "a\n'-1"),
        ('a;"=1', "a;\"'=1"),
        ("a; =1", "a; '=1"),
        ("a =1", "a '=1"),
        (" =1", " '=1"),
        ("\ufeff=1", "\ufeff'=1"),
        ("a;\u200b=1", "a;\u200b'=1"),
        ("a;--1", "a;'--1"),
    ],
)
def test_a_sign_behind_any_separator_is_quoted(text: str, safe: str) -> None:
    assert harmless(text) == safe


@pytest.mark.parametrize(
    "text",
    [
        "",
        "test_0.mp4",
        "2026-11-21T00:00:00.000Z",
        "my video - part 2.mp4",
        "a=b+c@d-e.mp4",
        "d41d8cd9@2026-11-21T00:00:00.000Z",
        "ben;ada",
    ],
)
def test_a_text_without_danger_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@given(st.text(st.sampled_from('ab1;,|\t\n\r "\xa0\u200b' + SIGNS), max_size=12))
@pytest.mark.parametrize("separator", list(";,|\t "))
@pytest.mark.parametrize("skips_blanks", [False, True])
def test_no_cell_begins_a_formula_whatever_the_separator(
    separator: str, skips_blanks: bool, text: str
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(["videos", harmless(text), harmless(text), "end"])

    lines = io.StringIO(out.getvalue(), newline="")
    for row in csv.reader(lines, delimiter=separator, skipinitialspace=skips_blanks):
        for cell in row:
            trimmed = cell.strip(' \t\r\n\xa0\u200b"')
            # A sign alone is no formula.
            assert trimmed[:1] not in SIGNS or len(trimmed) <= 1, (text, row)


def test_a_long_text_takes_no_long_time() -> None:
    many = 200_000

    assert harmless("\t" * many + "=").endswith("'=")
    assert harmless("\t=" * many).count("'") == many + 1
