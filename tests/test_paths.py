"""Paths on disk: one to one, inside the folder, never in each other's way, and readable back."""

import unicodedata
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hybridsphere.messages import csv_key
from hybridsphere.paths import MAX_NAME_BYTES, OWN_FOLDER, csv_key_of, csv_path
from tests.samples import CHARACTERS, ODD_KEYS

DOTTED = ["", ".", "..", "a", "a.csv", "b", "b.csv", ".csv"]
ESCAPED = ["%", "%2E", "%+", "%-", "\0", OWN_FOLDER, "%5Fhybridsphere"]
LONG = ["é" * 200, "x" * 252, "x" * 252 + ".csv", "x" * 300, "%" * 130]
SEGMENTS = st.sampled_from([*DOTTED, *ESCAPED, *LONG])
KEYS = (
    st.text(CHARACTERS, min_size=1, max_size=30)
    | st.lists(SEGMENTS, min_size=1, max_size=5).map("/".join).filter(bool)
    | st.text("aé🎬%./", min_size=200, max_size=400)
)
CSV_KEYS = KEYS.map(csv_key)


@given(CSV_KEYS)
@example("k" * 1020 + ".csv")
@example("%" * 1000 + ".csv")
@example("/" * 1019 + ".csv")
def test_a_path_stays_in_the_folder_and_fits(key: str) -> None:
    path = csv_path(key)
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert path.parts[0] != OWN_FOLDER
    assert all(0 < len(part.encode()) <= MAX_NAME_BYTES for part in path.parts)
    assert not any("\0" in part for part in path.parts)
    # Linux takes 4,096 bytes in all, and the folder needs some.
    assert len(str(path).encode()) < 3500


@given(CSV_KEYS)
@example("a%2B.csv")
@example("é" * 505 + ".csv")
@example("x" * 252 + "%" * 5 + "/y.csv")
def test_a_path_reads_backwards(key: str) -> None:
    assert csv_key_of(csv_path(key)) == key


@given(CSV_KEYS)
@example("ÄB.csv")
@example("É" * 505 + ".csv")
@example("A.CSV/b.csv")
def test_a_path_without_capitals_reads_backwards(key: str) -> None:
    path = csv_path(key, folds=True)
    assert csv_key_of(path) == key
    assert all(0 < len(part.encode()) <= MAX_NAME_BYTES for part in path.parts)
    assert len(str(path).encode()) < 3500


def folded(path: PurePosixPath) -> str:
    """A path as a file system reads it that ignores case and the form of letters."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", str(path)).casefold())


ALIKE = st.text("aAäÄßSsſ\u0061\u0308ﬁfiI\u0130ı./%", min_size=1, max_size=12).map(csv_key)


@given(ALIKE | CSV_KEYS, ALIKE | CSV_KEYS)
@example("a.csv", "A.csv")
@example("é.csv", "e\u0301.csv")
@example("_Hybridsphere/a.csv", "_hybridsphere/a.csv")
@example("a.CSV/b.csv", "a.csv")
@example("%c3.csv", "Ã.csv")
def test_folded_names_have_two_files_neither_in_the_other(one: str, other: str) -> None:
    a, b = (PurePosixPath(folded(csv_path(key, folds=True))) for key in (one, other))
    assert (a == b) == (one == other)
    assert a not in b.parents
    assert b not in a.parents
    assert a.parts[0] != OWN_FOLDER


@given(CSV_KEYS, CSV_KEYS)
@example("a.csv", "a.csv/b.csv")
@example("x" * 252 + ".csv", "x" * 252 + ".csv/b.csv")
@example("x" * 253 + ".csv", "x" * 253 + "/.csv")
@example("/a.csv", "a.csv")
@example("a/b.csv", "a//b.csv")
@example("a/./b.csv", "a/b.csv")
@example("_hybridsphere/a.csv", "%5Fhybridsphere/a.csv")
def test_two_keys_have_two_files_neither_in_the_other(one: str, other: str) -> None:
    a, b = csv_path(one), csv_path(other)
    assert (a == b) == (one == other)
    assert a not in b.parents
    assert b not in a.parents


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("test_0.mp4.csv", "test_0.mp4.csv"),
        ("a b+ü/ß.mp4.csv", "a b+ü/ß.mp4.csv"),
        ("<b>&.mp4.csv", "<b>&.mp4.csv"),
        ("/abs.mp4.csv", "%-/abs.mp4.csv"),
        ("a/../b.mp4.csv", "a/%2E%2E/b.mp4.csv"),
        ("a//b.csv", "a/%-/b.csv"),
        ("100%.csv", "100%25.csv"),
        ("nul\0.csv", "nul%00.csv"),
        ("a.csv/b.csv", "a%2Ecsv/b.csv"),
        ("_hybridsphere/b.csv", "%5Fhybridsphere/b.csv"),
        ("a/_hybridsphere/b.csv", "a/_hybridsphere/b.csv"),
        ("x" * 300 + ".csv", "x" * 253 + "%+/" + "x" * 47 + ".csv"),
    ],
)
def test_what_a_path_looks_like(key: str, path: str) -> None:
    assert csv_path(key) == PurePosixPath(path)


def test_odd_keys_can_all_lie_in_one_folder(tmp_path: Path) -> None:
    for key in ODD_KEYS:
        file = tmp_path / csv_path(csv_key(key))
        for folder in reversed(file.relative_to(tmp_path).parents):
            (tmp_path / folder).mkdir(exist_ok=True)
        file.write_text(key)
    for key in ODD_KEYS:
        assert (tmp_path / csv_path(csv_key(key))).read_text() == key
