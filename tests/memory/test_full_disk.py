"""A disk that is full at any write of a word, an answer or a CSV file loses and repeats nothing."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.memory.judge_stage import Stage

SIZES = [0, 50, 200, 4096, 9000, 20_000, 40_000, 60_000, 80_000, 120_000]
"""Bytes up to which files can grow: each size fails another write."""


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_loses_no_word_and_repeats_none(tmp_path: Path) -> None:
    failed = set()
    with Stage.open(tmp_path) as stage:
        stage.see(["ada", None])
        stage.derive()
    for number, size in enumerate([*SIZES, *SIZES]):
        name, full_while_said = f"cleo_{number}" + "x" * (number % 7), number < len(SIZES)
        with Stage.open(tmp_path) as stage:
            stranger = stage.faces()[1]
            before = len(stage.memory.judgements.of_video(1))
            said = not full_while_said
            if said:
                stage.say("is", stranger, name=name)
            try:
                with full_disk(size):
                    if full_while_said:
                        stage.say("is", stranger, name=name)
                        said = True
                    stage.derive()
            except (OSError, sqlite3.Error):
                failed.add(said)
        with Stage.open(tmp_path) as stage:
            assert len(stage.memory.judgements.of_video(1)) == before + said
            stage.derive()
            assert stage.csv() == stage.upload().effective_csv
            assert (name in stage.people()) is said
            assert stage.memory.stale() == []
    assert failed == {False, True}
    assert list(tmp_path.glob("*.edited")) == []
    assert list(tmp_path.rglob("partial/*")) == []


@pytest.mark.parametrize("size", SIZES)
def test_a_full_disk_keeps_faces_whole_or_not_at_all(tmp_path: Path, size: int) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada"], key="b.mp4")
        try:
            with full_disk(size):
                stage.take([None, "ben"], key="c.mp4")
            kept = 2
        except (OSError, sqlite3.Error):
            kept = 0
    with Stage.open(tmp_path) as stage:
        faces = stage.memory.faces(2)
        assert len(faces) == kept
        assert all(stage.memory.picture(face.id) for face in faces)
        stage.take([None, "ben"], key="c.mp4")
        assert [face.person for face in stage.memory.faces(2)] == [None, "ben"]
        assert [one.faces for one in stage.memory.grouping.summaries()] == [1]
