import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hybridsphere.recognition.gallery import Gallery, GalleryError
from lambda_fn.enroll import enroll
from tests.lambda_fn.function_stage import ClipMaker, Portrait


@pytest.fixture(autouse=True)
def _small_grey_faces_need_dlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_ENGINE", "dlib")


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

    enrolled = enroll(tmp_path, report=lines.append)

    assert enrolled.names == ["ada", "ben", "ben"]
    assert lines == []
    for name, row in zip(enrolled.names, enrolled.embeddings, strict=True):
        assert [match.name for match in gallery.matches(row, 0.5)] == [name]


def test_a_photograph_lying_on_its_side_is_turned(tmp_path: Path, portrait: Portrait) -> None:
    image = Image.fromarray(portrait("ada")).transpose(Image.Transpose.ROTATE_90)
    turn_clockwise = Image.Exif()
    turn_clockwise[0x0112] = 6
    image.save(tmp_path / "ada.jpg", exif=turn_clockwise)
    assert enroll(tmp_path, report=pytest.fail).names == ["ada"]


def test_unusable_files_are_reported_and_left_out(tmp_path: Path, portrait: Portrait) -> None:
    save(portrait, "ada", tmp_path / "ada.png")
    save(portrait, "nobody", tmp_path / "empty.png")
    two = Image.new("RGB", (1280, 360))
    two.paste(Image.fromarray(portrait("ada")), (0, 0))
    two.paste(Image.fromarray(portrait("ben")), (640, 0))
    (tmp_path / "pair").mkdir()
    two.save(tmp_path / "pair" / "both.png")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "more.txt").write_text("hello")
    (tmp_path / "broken.jpg").write_text("hello")
    (tmp_path / "clip.mp4").touch()
    (tmp_path / ".hidden").write_text("hello")
    lines: list[str] = []

    assert enroll(tmp_path, report=lines.append).names == ["ada"]

    *left_out, ends = lines
    assert [line.split(": left out: ")[0] for line in left_out] == [
        *("broken.jpg", "clip.mp4", "empty.png", "more.txt", "notes.txt", "pair/both.png")
    ]
    broken, clip, empty, more, notes, pair = left_out
    # Once, however many files there are.
    assert ".heic, .heif, .jpeg" in ends
    assert ".heic" not in more + notes
    assert "not a picture" in broken
    assert clip.endswith("the file is empty")
    assert "no face" in empty
    assert "not a photograph" in notes
    assert "2 faces" in pair


def test_a_folder_without_a_usable_photograph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="no usable photograph or clip"):
        enroll(tmp_path, report=pytest.fail)
    with pytest.raises(GalleryError, match="not a folder"):
        enroll(tmp_path / "nowhere", report=pytest.fail)


def test_a_clip_will_do_where_it_shows_one_person(
    tmp_path: Path, portrait: Portrait, make_clip: ClipMaker, gallery: Gallery
) -> None:
    (tmp_path / "ada").mkdir()
    clip = make_clip(portrait("nobody"), portrait("ada"), portrait("ada", face=180))
    (tmp_path / "ada" / "walking in.mp4").write_bytes(clip)
    enrolled = enroll(tmp_path, report=pytest.fail)
    assert enrolled.names == ["ada"]
    assert [match.name for match in gallery.matches(enrolled.embeddings[0], 0.5)] == ["ada"]


def test_clips_that_show_nobody_or_several_are_left_out(
    tmp_path: Path, portrait: Portrait, make_clip: ClipMaker
) -> None:
    save(portrait, "ada", tmp_path / "ada.png")
    pair = np.hstack([portrait("ada", 320), portrait("ben", 320)])
    clips = {
        "1": make_clip(portrait("nobody")),
        "2": make_clip(portrait("ada"), pair),
        "3": make_clip(portrait("ada"), portrait("ben")),
        "4": b"hello",
    }
    for name, clip in clips.items():
        (tmp_path / f"{name}.mp4").write_bytes(clip)
    lines: list[str] = []

    assert enroll(tmp_path, report=lines.append).names == ["ada"]

    nobody, both, one_by_one, broken = lines
    assert "1.mp4: left out: no face" in nobody
    assert "2.mp4: left out: 2 faces" in both
    assert "3.mp4: left out: it shows different people" in one_by_one
    assert "4.mp4: left out: not a clip" in broken


def test_one_photograph_is_added_to_those_known(
    tmp_path: Path, portrait: Portrait, gallery: Gallery
) -> None:
    save(portrait, "ada", tmp_path / "ada again.png", face=200)
    enrolled = enroll(tmp_path / "ada again.png", report=pytest.fail, known=gallery)
    assert enrolled.names == ["ben", "cleo", "ada", "ada again"]


CASES = Path(__file__).parents[4] / "shared" / "cases"


@pytest.mark.parametrize("case", ["enrol_exif", "enrol_gray16", "enrol_names"])
def test_the_cases_are_enrolled(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = CASES / case
    if not folder.is_dir():
        pytest.skip(f"{case} is not among the shared cases")
    monkeypatch.setenv("HYBRIDSPHERE_ENGINE", "yunet-sface")
    lines: list[str] = []
    other = "山田\u3000太郎" if case == "enrol_names" else "ben"
    assert enroll(folder, report=lines.append).names == ["ada", other]
    assert [line for line in lines if "left out" in line] == []


def test_exif_that_pillow_cannot_write_back_costs_nobody(
    tmp_path: Path, portrait: Portrait
) -> None:
    save(portrait, "ada", tmp_path / "ada.png")
    # A rational where the standard wants an integer, beside a rotation.
    odd = (
        b"Exif\0\0II*\0\x08\0\0\0\x02\0"
        b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
        b"\x03\x01\x05\0\x01\0\0\0\x26\0\0\0"
        b"\0\0\0\0" + bytes.fromhex("0100000003000000")
    )
    turned = Image.fromarray(portrait("ben")).transpose(Image.Transpose.ROTATE_90)
    turned.save(tmp_path / "ben.jpg", exif=odd)
    assert enroll(tmp_path, report=pytest.fail).names == ["ada", "ben"]


def test_a_damaged_photograph_is_left_out_by_name(tmp_path: Path, portrait: Portrait) -> None:
    save(portrait, "ada", tmp_path / "ada.png")
    save(portrait, "ben", tmp_path / "ben.avif")
    whole = (tmp_path / "ben.avif").read_bytes()
    (tmp_path / "ben.avif").write_bytes(whole[: len(whole) // 2])
    os.mkfifo(tmp_path / "pipe.jpg")
    lines: list[str] = []

    assert enroll(tmp_path, report=lines.append).names == ["ada"]

    damaged, pipe = lines
    assert damaged.startswith("ben.avif: left out: not a picture that can be read: ")
    assert pipe == "pipe.jpg: left out: not a file"


@pytest.mark.parametrize("error", [ValueError, MemoryError, IndexError, UnicodeDecodeError])
def test_any_error_of_a_decoder_leaves_out_its_clip_alone(
    tmp_path: Path, portrait: Portrait, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error("utf-8", b"\xff", 0, 1, "odd") if error is UnicodeDecodeError else error("odd")

    save(portrait, "ada", tmp_path / "ada.png")
    (tmp_path / "ben.mp4").write_bytes(b"\0\0\0\x18ftypisom")
    monkeypatch.setattr("av.open", fail)
    lines: list[str] = []

    assert enroll(tmp_path, report=lines.append).names == ["ada"]

    (line,) = lines
    assert line.startswith("ben.mp4: left out: not a clip that can be read: ")
    assert "odd" in line


def test_strips_and_specks_are_left_out_by_name(tmp_path: Path, portrait: Portrait) -> None:
    save(portrait, "ada", tmp_path / "ada.png")
    for number, size in enumerate([(1, 1), (1, 20000), (65000, 1), (19, 19), (20, 30000)]):
        Image.new("RGB", size, (99, 99, 99)).save(tmp_path / f"{number}.png")
    lines: list[str] = []
    assert enroll(tmp_path, report=lines.append).names == ["ada"]
    assert [line.split(": left out: ")[0] for line in lines] == [f"{n}.png" for n in range(5)]


def test_of_two_faces_the_four_times_larger_is_the_subject(
    tmp_path: Path, portrait: Portrait, gallery: Gallery
) -> None:
    # Neither covers the middle, which would decide alone.
    both = Image.new("RGB", (1600, 360))
    both.paste(Image.fromarray(portrait("ben", face=300)), (0, 0))
    both.paste(Image.fromarray(portrait("ada", face=160)), (960, 0))
    both.save(tmp_path / "ben.png")
    enrolled = enroll(tmp_path, report=print)
    assert [match.name for match in gallery.matches(enrolled.embeddings[0], 0.5)] == ["ben"]


def test_progress_counts_every_file(tmp_path: Path, portrait: Portrait) -> None:
    save(portrait, "ada", tmp_path / "ada.png")
    (tmp_path / "notes.txt").write_text("hello")
    counts: list[tuple[int, int]] = []
    enroll(
        tmp_path, report=lambda _: None, progress=lambda done, total: counts.append((done, total))
    )
    assert counts == [(1, 2), (2, 2)]


def test_odd_names_are_enrolled_in_one_form_and_unusable_ones_left_out(
    tmp_path: Path, portrait: Portrait
) -> None:
    for name in ("山田\u3000太郎", "Jose\u0301 ", "ni\u200cna", "a\u202eb", "c\x07d"):
        save(portrait, "ada", tmp_path / f"{name}.png")
    lines: list[str] = []

    enrolled = enroll(tmp_path, report=lines.append)

    assert set(enrolled.names) == {"山田\u3000太郎", "Jos\u00e9", "ni\u200cna"}
    reasons = sorted(line.partition(": left out: ")[2] for line in lines)
    assert reasons == [
        "the name has a control character (U+0007)",
        "the name has an invisible character (U+202E)",
    ]


def test_one_person_under_two_spellings_is_one_person(tmp_path: Path, portrait: Portrait) -> None:
    save(portrait, "ada", tmp_path / "Jose\u0301.png")
    save(portrait, "ada", tmp_path / "Jos\u00e9" / "1.png", face=180)
    enrolled = enroll(tmp_path, report=pytest.fail)
    assert enrolled.names == ["Jos\u00e9"] * 2
    assert len(enrolled.without("Jose\u0301 ")) == 0
