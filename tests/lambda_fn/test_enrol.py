from pathlib import Path

import pytest
from function_stage import Portrait
from PIL import Image

from lambda_fn.enrol import enrol
from lambda_fn.gallery import Gallery, GalleryError


def save(portrait: Portrait, name: str, path: Path, face: int = 220) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(portrait(name, face=face)).save(path)


def test_a_person_is_a_photograph_or_a_folder_of_them(
    tmp_path: Path, portrait: Portrait, gallery: Gallery
) -> None:
    save(portrait, "ada", tmp_path / "ada.png")
    save(portrait, "ben", tmp_path / "ben" / "1.JPG")
    save(portrait, "ben", tmp_path / "ben" / "2.png", face=180)
    lines: list[str] = []

    enrolled = enrol(tmp_path, report=lines.append)

    assert enrolled.names == ["ada", "ben", "ben"]
    assert lines == []
    for name, row in zip(enrolled.names, enrolled.embeddings, strict=True):
        assert [match.name for match in gallery.matches(row, 0.5)] == [name]


def test_a_photograph_lying_on_its_side_is_turned(tmp_path: Path, portrait: Portrait) -> None:
    image = Image.fromarray(portrait("ada")).transpose(Image.Transpose.ROTATE_90)
    turn_clockwise = Image.Exif()
    turn_clockwise[0x0112] = 6
    image.save(tmp_path / "ada.jpg", exif=turn_clockwise)
    assert enrol(tmp_path, report=pytest.fail).names == ["ada"]


def test_what_cannot_be_used_is_reported_and_left_out(tmp_path: Path, portrait: Portrait) -> None:
    save(portrait, "ada", tmp_path / "ada.png")
    save(portrait, "nobody", tmp_path / "empty.png")
    two = Image.new("RGB", (1280, 360))
    two.paste(Image.fromarray(portrait("ada")), (0, 0))
    two.paste(Image.fromarray(portrait("ben")), (640, 0))
    (tmp_path / "pair").mkdir()
    two.save(tmp_path / "pair" / "both.png")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "broken.jpg").write_text("hello")
    (tmp_path / ".hidden").write_text("hello")
    lines: list[str] = []

    assert enrol(tmp_path, report=lines.append).names == ["ada"]

    assert [line.split(": left out: ")[0] for line in lines] == [
        *("broken.jpg", "empty.png", "notes.txt", "pair/both.png")
    ]
    broken, empty, notes, pair = lines
    assert "not a picture" in broken
    assert "no face" in empty
    assert "not a photograph" in notes
    assert "2 faces" in pair


def test_a_folder_without_a_usable_photograph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="no usable photograph"):
        enrol(tmp_path, report=pytest.fail)
    with pytest.raises(GalleryError, match="not a folder"):
        enrol(tmp_path / "nowhere", report=pytest.fail)
