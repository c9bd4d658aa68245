import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from hybridsphere.cli.app import main
from hybridsphere.recognition.gallery import Gallery
from tests.lambda_fn.function_stage import Portrait


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def file(gallery: Gallery, tmp_path: Path) -> Path:
    """A gallery of ben, cleo and ada, who has two faces in it."""
    twice = gallery.plus(Gallery(["ada"], gallery.embeddings[2:] + 0.01))
    twice.save(tmp_path / "known.npz")
    return tmp_path / "known.npz"


def test_a_gallery_is_imported_as_it_is(file: Path, tmp_path: Path) -> None:
    ended = run("gallery", "import", file, "-o", tmp_path / "new.npz")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout == f"4 known faces in {tmp_path / 'new.npz'}\n"
    copy, source = Gallery.load(tmp_path / "new.npz"), Gallery.load(file)
    assert copy.names == source.names
    assert (copy.embeddings == source.embeddings).all()


@pytest.mark.parametrize("form", ["gallery", "pickle"])
def test_an_empty_pickle_is_imported_and_reported(form: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    if form == "gallery":
        Gallery.empty().save(source)
    else:
        source.write_bytes(pickle.dumps({"encoding": [], "name": []}))
    ended = run("gallery", "import", source, "-o", tmp_path / "new.npz")
    assert ended.exit_code == 0
    assert ended.stderr == f"{source} has no face: every face will end as unknown_face\n"
    assert len(Gallery.load(tmp_path / "new.npz")) == 0


@pytest.mark.parametrize("command", [("gallery", "import"), ("enroll",)])
def test_an_unwritable_gallery_is_named_before_the_work(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    source = tmp_path / "no photograph"
    source.write_text("and no pickle: whoever looks at it complains")
    target = tmp_path / "none" / "new.npz"
    ended = run(*command, source, "-o", target)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr == f"error: {target}: there is no such folder to write to\n"


OTHERS: dict[str, Callable[[Path], object]] = {
    "a text": lambda file: file.write_text("# mine\n", encoding="utf-8"),
    "another archive": lambda file: np.savez(file, mine=np.zeros(3)),
    "a link to a device": lambda file: file.symlink_to(os.devnull),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("command", [("gallery", "import"), ("enroll",)])
def test_a_file_that_is_no_gallery_is_not_replaced(
    tmp_path: Path, portrait: Portrait, file: Path, command: tuple[str, ...], other: str
) -> None:
    target = tmp_path / "mine.npz"
    OTHERS[other](target)
    before = target.lstat()
    source = file
    if command == ("enroll",):
        source = tmp_path / "ada.jpg"
        Image.fromarray(portrait("ada")).save(source)
    ended = run(*command, source, "-o", target)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"error: {target} is not a gallery, and stays as it is\nhint: name another file\n"
    )
    assert target.lstat() == before


@pytest.mark.parametrize("form", ["nothing", "pickle"])
def test_an_empty_file_and_the_legacy_form_are_replaced(
    tmp_path: Path, file: Path, form: str
) -> None:
    target = tmp_path / "mine.npz"
    rows = [np.zeros(128)]
    target.write_bytes(
        b"" if form == "nothing" else pickle.dumps({"encoding": rows, "name": ["eve"]})
    )
    ended = run("gallery", "import", file, "-o", target)
    assert ended.exit_code == 0
    assert ended.stderr.startswith("replaced " if form == "pickle" else "")
    assert bool(ended.stderr) == (form == "pickle")
    assert set(Gallery.load(target).names) == {"ada", "ben", "cleo"}


@pytest.mark.parametrize("command", [("gallery", "import"), ("enroll",)])
def test_a_gallery_that_fails_to_be_written_is_named(
    tmp_path: Path, file: Path, portrait: Portrait, command: tuple[str, ...]
) -> None:
    Image.fromarray(portrait("ada")).save(tmp_path / "ada.png")
    # Short enough for a file, but not for the one that is renamed to it.
    target = tmp_path / ("n" * 255)
    source = file if command[0] == "gallery" else tmp_path / "ada.png"
    ended = run(*command, source, "-o", target)
    assert ended.exit_code == 2
    assert ended.stderr == f"error: {target} cannot be written: File name too long\n"


def test_enroll_writes_a_gallery_and_reports_on_standard_error(
    tmp_path: Path, portrait: Portrait
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, who in (("ada", "ada"), ("ada l", "ada"), ("empty", "nobody")):
        Image.fromarray(portrait(who)).save(photos / f"{name}.png")

    ended = run("enroll", photos, "-o", tmp_path / "known.npz")

    assert ended.exit_code == 0
    assert ended.stdout == f"2 known faces in {tmp_path / 'known.npz'}\n"
    left_out, summary, twice = ended.stderr.splitlines()
    assert left_out.startswith("empty.png: left out: no face")
    assert summary.startswith("1 pair of people lies within the tolerance")
    assert "ada and ada l: the same face" in twice
    assert Gallery.load(tmp_path / "known.npz").names == ["ada l", "ada"]


@pytest.mark.parametrize("command", [("gallery", "import"), ("enroll",)])
def test_people_missing_from_a_new_gallery_are_counted(
    file: Path, tmp_path: Path, portrait: Portrait, command: tuple[str, ...]
) -> None:
    Image.fromarray(portrait("ada")).save(tmp_path / "ada.png")
    alone = tmp_path / "alone.npz"
    assert run("enroll", tmp_path / "ada.png", "-o", alone).stderr == ""
    source = alone if command[0] == "gallery" else tmp_path / "ada.png"
    replacing, again = (run(*command, source, "-o", file) for _ in range(2))
    assert (replacing.exit_code, replacing.stdout) == (0, f"1 known faces in {file}\n")
    assert replacing.stderr == (
        f"replaced {file}, which knew 3 people; 2 of them are not in the new gallery: "
        "`hybridsphere gallery add` keeps them\n"
    )
    assert again.stderr == ""


def test_the_reason_for_an_unusable_clip_is_reported_once(tmp_path: Path) -> None:
    (tmp_path / "ada.mp4").write_text("hello")
    left_out, *end = run(
        "enroll", tmp_path / "ada.mp4", "-o", tmp_path / "g.npz"
    ).stderr.splitlines()
    assert len(end) == 2
    assert left_out == "ada.mp4: left out: not a clip that can be read: not_video"


def test_names_of_files_cannot_steer_the_terminal(tmp_path: Path) -> None:
    photos = tmp_path / "photos\x1b[2J"
    photos.mkdir()
    (photos / "\x1b]0;owned\x07.txt").write_text("no photograph")
    ended = run("enroll", photos, "-o", tmp_path / "known.npz")
    assert ended.exit_code == 2
    left_out, unusable, _ = ended.stderr.splitlines()
    assert left_out.startswith(r"\x1b]0;owned\x07.txt: left out")
    assert r"photos\x1b[2J: no usable photograph" in unusable
    assert "\x1b" not in ended.stderr


def test_show_lists_names_faces_and_the_nearest_pairs(file: Path) -> None:
    lines = run("gallery", "show", file).stdout.splitlines()
    assert lines[:4] == ["3 people, 4 faces", "     2  ada", "     1  ben", "     1  cleo"]
    assert len(lines) == 4 + 3
    assert all("  between " in line for line in lines[4:])


def test_add_reports_the_people_left_out(file: Path, tmp_path: Path, portrait: Portrait) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(portrait("ben")).save(photos / "ben again.png")
    (photos / "broken.jpg").write_text("hello")
    ended = run("gallery", "add", file, photos)
    assert (ended.exit_code, ended.stdout) == (0, f"5 known faces in {file}\n")
    left_out, summary, twice = ended.stderr.splitlines()
    assert left_out.startswith("broken.jpg: left out: not a picture")
    assert summary.startswith("1 pair of people lies within the tolerance")
    assert "ben and ben again: the same face" in twice
    assert "ben again" in Gallery.load(file).names


def test_add_enrols_into_a_gallery_that_is_there(
    file: Path, tmp_path: Path, portrait: Portrait
) -> None:
    Image.fromarray(portrait("stranger")).save(tmp_path / "dora.png")
    assert run("gallery", "add", file, tmp_path / "dora.png").exit_code == 0
    assert Gallery.load(file).names == ["ben", "cleo", "ada", "ada", "dora"]


def test_the_same_photograph_is_not_added_twice(
    file: Path, tmp_path: Path, portrait: Portrait
) -> None:
    Image.fromarray(portrait("stranger")).save(tmp_path / "dora.png")
    for _ in range(2):
        run("gallery", "add", file, tmp_path / "dora.png")
    assert Gallery.load(file).names.count("dora") == 1


def test_remove_takes_out_all_faces_of_one_person(file: Path) -> None:
    assert run("gallery", "remove", file, "ada").exit_code == 0
    assert Gallery.load(file).names == ["ben", "cleo"]


def test_a_failing_command_prints_one_line_and_changes_nothing(
    file: Path, tmp_path: Path, portrait: Portrait
) -> None:
    before = file.read_bytes()
    Image.fromarray(np.zeros((90, 90, 3), np.uint8)).save(tmp_path / "black.png")
    for arguments, why in (
        (("remove", file, "dora"), "dora: nobody in the gallery has that name"),
        (("add", file, tmp_path / "black.png"), "no usable photograph"),
        (("show", tmp_path / "black.png"), "not a gallery"),
    ):
        ended = run("gallery", *arguments)
        assert ended.exit_code == 2
        error, hint = ended.stderr.splitlines()[-2:]
        assert error.startswith("error: ")
        assert why in error
        assert hint.startswith("hint: ")
    assert file.read_bytes() == before


def legacy(path: Path, names: list[str], rows: np.ndarray) -> Path:
    path.write_bytes(pickle.dumps({"name": names, "encoding": list(rows)}))
    return path


MANY = [f"student {number}" for number in range(10_000)]


def test_ten_thousand_names_are_imported_with_one_line(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).normal(size=(len(MANY), 128))
    ended = run(
        *("gallery", "import", legacy(tmp_path / "encoding", MANY, rows)),
        *("-o", tmp_path / "known.npz"),
    )
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout == f"10000 known faces in {tmp_path / 'known.npz'}\n"
    assert Gallery.load(tmp_path / "known.npz").names == MANY


def test_unusable_names_of_a_pickle_are_left_out_by_name(tmp_path: Path) -> None:
    names = ["", "\x1b[2J", "Jose\u0301", "山田\u3000太郎"]
    rows = np.random.default_rng(1).normal(size=(4, 128))
    known = tmp_path / "known.npz"

    ended = run("gallery", "import", legacy(tmp_path / "encoding", names, rows), "-o", known)

    assert ended.exit_code == 0
    nameless, unprintable = ended.stderr.splitlines()
    assert nameless.endswith("'': left out: the name is empty")
    assert unprintable.endswith(r"'\x1b[2J': left out: the name has a control character (U+001B)")
    shown = run("gallery", "show", known).stdout
    assert "1  Jos\u00e9\n" in shown
    assert "1  山田\u3000太郎\n" in shown


@pytest.mark.parametrize(
    ("names", "rows", "why"),
    [
        (MANY, np.zeros((9_999, 128)), r"\(9999, 128\), not floats \(10000, 128\)"),
        (MANY, np.zeros((10_000, 64)), r"\(10000, 64\), not floats \(10000, 128\)"),
        (MANY, np.full((10_000, 128), np.nan), "not finite"),
    ],
    ids=["fewer", "narrow", "nan"],
)
def test_an_unreadable_pickle_ends_with_one_line_and_writes_nothing(
    tmp_path: Path, names: list[str], rows: np.ndarray, why: str
) -> None:
    source = legacy(tmp_path / "encoding", names, rows)
    ended = run("gallery", "import", source, "-o", tmp_path / "known.npz")
    assert (ended.exit_code, ended.stdout) == (2, "")
    line, hint = ended.stderr.splitlines()
    assert hint.startswith("hint: give the pickle")
    assert re.match(rf"error: {source}: .*{why}", line)
    assert len(line) < 400
    assert not (tmp_path / "known.npz").exists()


def test_check_reports_the_people_and_draws_their_distances(file: Path, tmp_path: Path) -> None:
    picture = tmp_path / "distances.svg"
    ended = run("gallery", "check", file, "--picture", picture)
    assert ended.exit_code == 0
    lines = ended.stdout.splitlines()
    assert lines[0] == "3 people, tolerance 0.6"
    assert lines[1].startswith("known faces: 2 of 2 right")
    assert lines[2].startswith("each person as a stranger to the others: 0 of 4")
    assert lines[-1].startswith("no advice on the tolerance")
    assert ET.fromstring(picture.read_text(encoding="utf-8")).tag.endswith("svg")


def test_check_takes_a_folder_of_strangers(file: Path, tmp_path: Path, portrait: Portrait) -> None:
    (tmp_path / "others").mkdir()
    Image.fromarray(portrait("stranger")).save(tmp_path / "others" / "visitor.png")
    ended = run("gallery", "check", file, "--strangers", tmp_path / "others")
    assert ended.exit_code == 0
    assert "strangers: 0 of 1 faces got a name" in ended.stdout.splitlines()


def test_check_refuses_an_empty_gallery(tmp_path: Path) -> None:
    Gallery.empty().save(tmp_path / "empty.npz")
    ended = run("gallery", "check", tmp_path / "empty.npz")
    assert ended.exit_code == 2
    assert "nobody is enrolled" in ended.stderr


def test_rename_gives_a_person_another_name(file: Path) -> None:
    ended = run("gallery", "rename", file, "ada", "ada lovelace")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout == f"2 faces of ada lovelace in {file}\n"
    assert set(Gallery.load(file).names) == {"ada lovelace", "ben", "cleo"}


def test_rename_to_a_name_in_use_joins_the_people_and_reports_it(file: Path) -> None:
    ended = run("gallery", "rename", file, "ben", "ada")
    assert (ended.exit_code, ended.stdout) == (0, f"3 faces of ada in {file}\n")
    assert "ada is in" in ended.stderr


def test_rename_finds_and_writes_names_in_their_one_form(file: Path) -> None:
    ended = run("gallery", "rename", file, "ada", " Zoe\u0308 ")
    assert (ended.exit_code, ended.stdout) == (0, f"2 faces of Zo\u00eb in {file}\n")
    ended = run("gallery", "rename", file, "Zoe\u0308", "ben")
    assert (ended.exit_code, ended.stdout) == (0, f"3 faces of ben in {file}\n")
    assert "ben is in" in ended.stderr


@pytest.mark.parametrize(("name", "new"), [("dora", "eve"), ("ada", " ")])
def test_a_rename_that_cannot_be_leaves_the_gallery_as_it_was(
    file: Path, name: str, new: str
) -> None:
    before = file.read_bytes()
    assert run("gallery", "rename", file, name, new).exit_code == 2
    assert file.read_bytes() == before


def test_a_consent_gets_an_end_and_loses_it(file: Path) -> None:
    assert run("gallery", "consent", file, "ada", "--until", "2027-01-31").exit_code == 0
    assert "     2  ada  (consent until 2027-01-31)" in run("gallery", "show", file).stdout
    assert run("gallery", "consent", file, "ada", "--no-end").exit_code == 0
    assert Gallery.load(file).consents == {}
    refused = run("gallery", "consent", file, "zoe", "--no-end")
    assert (refused.exit_code, "nobody in" in refused.stderr) == (2, True)
    assert run("gallery", "consent", file, "ada").exit_code == 2
