"""The part recognition: its people, its questions, and the tables that it leaves."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from bench import parts
from bench.page import main as page_command
from bench.page import marks
from bench.parts import Options
from bench.recognition import costs, measure, measured
from bench.recognition.detection import Head, scenes, share_found
from bench.recognition.people import held_out
from bench.recognition.questions import Tally
from bench.recognition.ways import Ours
from bench.rounds import Rounds
from hybridsphere.demo.people import enrolled_face, known_people, stranger
from lambda_fn.faces.detector import detector
from lambda_fn.video.video import Rgb

FIRST, SECOND, THIRD = known_people()


def photo(face: Rgb, light: float = 1) -> Rgb:
    """Draw a face in the middle of a grey photograph."""
    picture = np.full((250, 250, 3), 110, np.uint8)
    large = Image.fromarray(face).resize((150, 150), Image.Resampling.BICUBIC)
    picture[50:200, 50:200] = np.asarray(large) * light
    return picture


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of few faces; the second of each kind is held out."""
    folder = tmp_path_factory.mktemp("faces")

    def write(path: str, face: Rgb, light: float = 1) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo(face, light)).save(folder / path, quality=95)

    for number in range(4):
        for name, person in enumerate((FIRST, SECOND, FIRST, THIRD)):
            write(f"known/{name}/{number}.jpg", enrolled_face(person), 1 - number / 20)
        for name, person in (("a", THIRD), ("b", FIRST)):
            write(f"east_asian/{name}/{number}.jpg", enrolled_face(person), 1 - number / 20)
    for number, name in enumerate("ab"):
        write(f"strangers/{name}.jpg", stranger(number))
    return folder


def test_every_second_person_is_held_out(faces: Path) -> None:
    people = held_out(faces)
    assert list(people.known) == ["1", "3"]
    assert list(people.strangers) == ["b"]
    assert list(people.group) == ["a", "b"]


def test_names_are_right_wrong_or_missing() -> None:
    tally = Tally()
    for truth, answer in (("a", "a"), ("a", "b"), ("a", None), (None, None), (None, "a")):
        tally.count(truth, answer)
    assert (tally.right, tally.wrong, tally.unknown, tally.asked) == (2, 2, 1, 5)


def test_a_scene_shows_each_head_where_it_says() -> None:
    pixels = photo(enrolled_face(FIRST))
    [face] = detector().find(pixels)
    heads = [Head(pixels, face)] * 13
    drawn = list(scenes(heads, 60))
    assert [len(scene.middles) for scene in drawn] == [12, 1]
    assert all(scene.pixels.shape == (720, 1280, 3) for scene in drawn)
    way = Ours("yunet-sface")
    assert share_found(way, heads, 60) == 1
    assert share_found(way, heads, 5) == 0


def test_both_engines_stand_beside_the_usual_way_in_tables_and_a_picture(
    faces: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(measured, "SIZES", (20,))
    monkeypatch.setattr(measured, "TILTS", (30,))
    monkeypatch.setattr(costs, "_REPEATS", 1)
    # No head of these is turned to the side.
    monkeypatch.setattr(Head, "strongly_turned", True)
    part = measure.measure(faces, tmp_path, rounds=Rounds(1), report=print)
    assert {row.what.partition(":")[0] for row in part.rows} == {"yunet-sface", "dlib"}
    assert all(row.ours is not None and row.usual is not None for row in part.rows)
    texts = {e.text for e in ET.parse(tmp_path / measure.PICTURE).iter() if e.text}
    assert {"yunet-sface", "dlib"} <= texts

    (tmp_path / "bench.json").write_text((tmp_path / measure.JSON).read_text())
    figures = json.loads((tmp_path / measure.JSON).read_text())
    (tmp_path / "bench.json").write_text(json.dumps({**figures, "parts": [part.to_json()]}))
    (page := tmp_path / "page.md").write_text("\n".join(["before", *marks("recognition")]))
    done = CliRunner().invoke(page_command, ["--out", str(tmp_path), "--into", str(page)])
    assert done.exit_code == 0, done.output
    lines = page.read_text().splitlines()
    assert "| Names | plain | yunet-sface | dlib |" in lines
    assert any(line.startswith("| 20 pixels | ") for line in lines)
    assert page.with_suffix(".svg").read_text() == (tmp_path / measure.PICTURE).read_text()


def test_without_faces_the_part_says_so(tmp_path: Path) -> None:
    given = Options(tmp_path, None, None, 1, Rounds(1), print)
    (row,) = parts.run("recognition", given).rows
    assert row.remark == "not measured: --faces names no folder"
    with pytest.raises(parts.CannotMeasure):
        parts.run("recognition", Options(tmp_path, None, None, 1, Rounds(1), print, tmp_path))
