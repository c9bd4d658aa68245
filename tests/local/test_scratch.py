"""Folders of killed processes do not pile up, and nobody's is taken from under them."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridsphere.local.scratch import scratch_folder

USE = """
import sys, time
from hybridsphere.local.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "gallery.npz").touch()
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture
def user() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that uses a folder, which looks as if it were old."""
    with subprocess.Popen(
        [sys.executable, "-c", USE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        folder = Path(process.stdout.readline().strip())
        long_ago = time.time() - 3600
        os.utime(folder, (long_ago, long_ago))
        yield process, folder
        process.kill()


def test_a_folder_is_gone_when_it_is_no_longer_in_use() -> None:
    with scratch_folder() as folder:
        (folder / "file").touch()
    assert not folder.exists()


def test_the_folder_of_a_killed_process_is_removed(
    user: tuple[subprocess.Popen[str], Path],
) -> None:
    process, left = user
    process.kill()
    process.wait()
    assert (left / "gallery.npz").exists()
    with scratch_folder():
        assert not left.exists()


def test_the_folder_of_a_process_that_lives_stays(
    user: tuple[subprocess.Popen[str], Path],
) -> None:
    _, used = user
    with scratch_folder():
        assert (used / "gallery.npz").exists()


def test_a_young_folder_and_others_folders_stay(tmp_path: Path) -> None:
    long_ago = time.time() - 3600
    stay = [tmp_path / name for name in ("hybridsphere-local-new", "hybridsphere-photos", "other")]
    for folder in stay:
        folder.mkdir()
    for folder in stay[1:]:
        os.utime(folder, (long_ago, long_ago))
    (tmp_path / "hybridsphere-local-link").symlink_to(stay[2])
    with scratch_folder():
        assert all(folder.exists() for folder in stay)
