"""Videos, known faces and students for the documented commands, and what must come of them."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hybridsphere.demo import clips
from tests.deploy.conftest import ROOT

WORKLOAD = ROOT.parent / "shared" / "workload"
"""Real videos, where they are at hand; the demo's clips replace them elsewhere."""

VIDEO = "test_0.mp4"
"""The video of the documentation."""


@dataclass(frozen=True, slots=True)
class Material:
    """A copy of the tree with `gallery.npz`, `students.json`, `test_0.mp4` and `videos` in it."""

    folder: Path
    person: str
    """The person in the documented video."""

    def assert_recognised(self, exported: str) -> None:
        """Assert that the documented video has its person, in the CSV of all results."""
        assert re.search(f",{VIDEO},[^,]*,matched,{self.person},", exported), exported

    @property
    def videos(self) -> list[str]:
        return sorted(video.name for video in (self.folder / "data/videos").iterdir())


def material(folder: Path) -> Material:
    """Copy what the commands need into a folder, which is theirs to write to."""
    for name in ("deploy", "src", "lambda_fn"):
        ignored = shutil.ignore_patterns("__pycache__", "prepared")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for file in [*ROOT.glob("Dockerfile.*"), ROOT / ".dockerignore"]:
        shutil.copy(file, folder)
    command = Path(sys.executable).with_name("hybridsphere")
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/hybridsphere").symlink_to(command)
    videos = folder / "data" / "videos"
    videos.mkdir(parents=True)
    prepare = _workload if WORKLOAD.is_dir() else _demo
    person = prepare(folder, videos)
    for name in ("gallery.npz", "students.json"):
        shutil.copy(folder / name, folder / "data")
    shutil.copy(videos / VIDEO, folder)
    # The user of the images has to read all of it.
    for path in [folder / "data", *(folder / "data").rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return Material(folder, person)


def _workload(folder: Path, videos: Path) -> str:
    _run(folder, "gallery", "import", str(WORKLOAD / "encoding"), "-o", "gallery.npz")
    shutil.copyfile(WORKLOAD / "student_data.json", folder / "students.json")
    for video in (WORKLOAD / "videos").iterdir():
        shutil.copyfile(video, videos / video.name)
    return "president_trump"


def _demo(folder: Path, videos: Path) -> str:
    (folder / "photos").mkdir()
    clips.make_photos(folder / "photos")
    _run(folder, "enroll", "photos", "-o", "gallery.npz")
    clips.write_students(folder / "students.json")
    (folder / "clips").mkdir()
    made = clips.make_clips(folder / "clips")
    matched = next(clip for clip in made if clip.status == "matched")
    shutil.copyfile(matched.file, videos / VIDEO)
    return str(matched.person)


def _run(folder: Path, *arguments: str) -> None:
    command = [str(folder / ".venv/bin/hybridsphere"), *arguments]
    subprocess.run(command, cwd=folder, check=True)
