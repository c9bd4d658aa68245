import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridsphere.files import make_private, write_whole


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
