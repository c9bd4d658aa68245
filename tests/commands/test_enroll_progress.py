"""The progress of an enrollment, on a terminal and in a pipe."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(data.astronaut()).save(folder / "ada.jpg")
    (folder / "notes.txt").write_text("hello")
    return folder


def enroll(photos: Path, stderr: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hybridsphere", "enroll", photos, "-o", photos / "../known.npz"],
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
        check=True,
    )


def test_a_terminal_shows_how_far_it_is(photos: Path) -> None:
    ours, theirs = pty.openpty()
    done = enroll(photos, theirs)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "enrolling: 1 of 2 files" in shown
    assert "enrolling: 2 of 2 files" in shown
    assert "\r\x1b[Knotes.txt: left out: not a photograph" in shown
    assert shown.endswith("\r\x1b[K")
    assert done.stdout.startswith("1 known faces in ")


def test_a_pipe_gets_lines_alone(photos: Path) -> None:
    done = enroll(photos, subprocess.PIPE)
    assert "\r" not in done.stderr
    assert "enrolling" not in done.stderr
    left_out, extensions = done.stderr.splitlines()
    assert left_out.startswith("notes.txt: left out: ")
    assert extensions.startswith("the names of photographs and clips end in ")
