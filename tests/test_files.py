import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridsphere.files import (
    NotPlaced,
    NotWritten,
    folds_names,
    make_private,
    publish,
    try_out,
    write_whole,
)


@pytest.fixture(autouse=True)
def _open_to_all() -> Iterator[None]:
    """The most careless umask there is."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_file_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", "ü")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "ü"
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_a_file_that_was_open_to_others_is_no_longer(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    write_whole(tmp_path / "file", "new")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_new_folders_are_private_to_their_owner(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private(tmp_path / "a" / "b")
    make_private(tmp_path / "a" / "b")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in (".", "a", "a/b")]
    assert modes == [0o755, 0o700, 0o700]


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "file", "\ud800")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("place", ["none/file", "in the way/file"])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "in the way").touch()
    with pytest.raises(OSError, match="cannot be written") as told:
        write_whole(tmp_path / place, "text")
    assert told.value.filename == str(tmp_path / place)
    assert str(told.value).startswith(f"{tmp_path / place} cannot be written: ")


def test_names_that_differ_in_case_are_two_files_here(tmp_path: Path) -> None:
    assert not folds_names(tmp_path)
    assert not folds_names(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_a_trial_takes_room_and_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try_out(tmp_path, 2_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        try_out(tmp_path, 1_000)
        with pytest.raises(OSError, match="large"):
            try_out(tmp_path, 2_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_is_not_given_again(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    assert publish(tmp_path / "one", tmp_path / "name")
    assert not publish(tmp_path / "two", tmp_path / "name")
    assert (tmp_path / "name").read_text() == "one"


def test_a_refused_name_is_told_from_a_refused_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(NotPlaced):
        write_whole(tmp_path / "folder", "text")
    with pytest.raises(NotWritten) as refused:
        write_whole(tmp_path / "none" / "file", "text")
    assert not isinstance(refused.value, NotPlaced)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_missing_folders_are_made_when_a_file_needs_them(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b"
    write_whole(place, b"text", partial=str(tmp_path / "partial"), make_folders=place.parent.mkdir)
    assert place.read_bytes() == b"text"
    assert not (tmp_path / "partial").exists()
