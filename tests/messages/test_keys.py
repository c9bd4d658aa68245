"""The keys of CSVs."""

import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hybridsphere.messages import (
    MAX_KEY_BYTES,
    csv_key,
)
from tests.samples import (
    CHARACTERS,
)

# Segments that make keys odd, and so often that pairs of keys come close to each other.
ODD = st.sampled_from(["", ".", "..", "_long", "a", "a.csv", "%", "é", "\0", "x" * 300])


KEYS = (
    st.text(CHARACTERS, min_size=1, max_size=30)
    | st.lists(ODD, min_size=1, max_size=5).map("/".join).filter(bool)
    | st.text("aé🎬/.", min_size=200, max_size=400)
)


def video_key(csv: str) -> str | None:
    """The video's key read back from the CSV's, where the contract promises that."""
    return None if csv.startswith("_long/") else csv.removesuffix(".csv")


@given(KEYS)
@example("k" * (MAX_KEY_BYTES - 4))
@example("k" * (MAX_KEY_BYTES - 3))
@example("é" * 510)
def test_the_key_of_a_csv_reads_backwards_and_fits(key: str) -> None:
    made = csv_key(key)
    assert made.endswith(".csv")
    assert len(made.encode()) <= MAX_KEY_BYTES
    assert video_key(made) in (key, None)


@given(KEYS, KEYS)
def test_two_videos_never_share_a_csv(one: str, other: str) -> None:
    assert (csv_key(one) == csv_key(other)) == (one == other)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("test_0.mp4", "test_0.mp4.csv"),
        ("a.csv", "a.csv.csv"),
        ("a/../b.mp4", "a/../b.mp4.csv"),
        ("/abs.mp4", "/abs.mp4.csv"),
        ("_longer/x", "_longer/x.csv"),
        ("k" * 1020, "k" * 1020 + ".csv"),
        (
            "_long/x",
            "_long/c0e5cb3a7f5c30227d6eabe62f295bcb75ce213088c09ac4a1250633da7776fb.csv",
        ),
    ],
)
def test_the_key_of_a_csv_is_that_of_the_video_with_csv_appended(key: str, expected: str) -> None:
    assert csv_key(key) == expected


@pytest.mark.parametrize(
    "key", ["k" * 1021, "é" * 511, "../up.mp4", "a/../../up.mp4", "./../up", "/..", "_long/"]
)
def test_a_key_that_cannot_have_one_appended_gets_its_digest(key: str) -> None:
    assert csv_key(key).startswith("_long/")


def test_the_contracts_need_the_standard_library_only() -> None:
    check = (
        "import sys; before = set(sys.modules); import hybridsphere.messages;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - sys.stdlib_module_names))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", check], check=True, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "['hybridsphere']"
