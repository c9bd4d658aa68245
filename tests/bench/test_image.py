"""The image's size is read off the images that there are."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from bench import image

SIZES = {"base": 150.0, "lambda": 450.0, "usual": 1750.0}


def test_without_images_the_row_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(image, "STORE", tmp_path / "none")
    (row,) = image.measure().rows
    assert (row.usual, row.ours, row.reached) == (None, None, None)
    assert "no lambda image is here: `make images` makes it" in row.remark
    assert "no usual image is here: `deploy/images.sh build usual` makes it" in row.remark


def test_what_an_image_adds_is_beside_its_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "sizes_mb", lambda: SIZES)
    monkeypatch.setattr(image, "of_this_tree", lambda _: True)
    (row,) = image.measure().rows
    assert (row.ours, row.usual, row.remark) == (300, 1600, "")
    assert row.reached


def test_an_image_of_another_state_of_the_tree_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(image, "sizes_mb", lambda: SIZES)
    monkeypatch.setattr(image, "of_this_tree", lambda name: name == "usual")
    (row,) = image.measure().rows
    assert (row.ours, row.usual) == (None, 1600)
    assert row.remark == "the lambda image is of another state: `make images` makes it anew"


@pytest.mark.parametrize(("digest", "same"), [("now", True), ("before", False)])
def test_an_image_is_of_this_tree_by_the_digest_in_its_label(
    digest: str, same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = {"hybridsphere.sources": digest}
    described = json.dumps({"OCIv1": {"config": {"Labels": labels}}})
    answers = {"buildah": described, "sources": "now\n"}
    monkeypatch.setattr(image, "_images", lambda command, *_: answers[command])
    assert image.of_this_tree("lambda") is same


def test_an_image_without_the_label_is_of_nobody_knows_what(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {"buildah": '{"OCIv1": {"config": {}}}', "sources": "now\n"}
    monkeypatch.setattr(image, "_images", lambda command, *_: answers[command])
    assert not image.of_this_tree("lambda")


def test_the_digest_is_that_of_what_is_copied_into_an_image(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    script = shutil.copy(image.SCRIPT, tmp_path / "deploy")
    (tmp_path / "Dockerfile.lambda").write_text(
        "FROM base\nCOPY pins.txt code task/\nCOPY --from=build /made /\n"
    )
    (tmp_path / "pins.txt").write_text("numpy==2.4")
    (tmp_path / "code" / "__pycache__").mkdir(parents=True)
    (tmp_path / "code" / "handler.py").write_text("import numpy")

    def digest() -> str:
        return subprocess.run(
            [script, "sources", "lambda"], check=True, capture_output=True, text=True
        ).stdout

    before = digest()
    (tmp_path / "code" / "__pycache__" / "handler.pyc").write_text("compiled")
    (tmp_path / "README.md").write_text("not copied")
    assert digest() == before
    (tmp_path / "pins.txt").write_text("numpy==2.5")
    pinned = digest()
    (tmp_path / "code" / "video.py").touch()
    assert len({before, pinned, digest()}) == 3


@pytest.mark.parametrize(
    ("size", "mb"), [("325.4 MB", 325.4), ("1.2 GB", 1200), ("12 kB", 0.012), ("7 B", 7e-6)]
)
def test_sizes_are_those_that_buildah_writes(size: str, mb: float) -> None:
    assert image.megabytes(size) == pytest.approx(mb)


def test_what_is_no_size_is_refused() -> None:
    with pytest.raises(ValueError, match="huge"):
        image.megabytes("huge")
