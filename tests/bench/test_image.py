"""The image's size is read off the images that there are."""

from pathlib import Path

import pytest

from bench import image


def test_without_images_the_row_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(image, "STORE", tmp_path / "none")
    (row,) = image.measure().rows
    assert row.ours is None
    assert row.reached is None
    assert row.remark == "not measured: `make images` builds it first"


def test_what_an_image_adds_is_beside_its_base(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"localhost/hybridsphere-base": 150.0, "localhost/hybridsphere-lambda": 450.0}
    monkeypatch.setattr(image, "sizes_mb", lambda: sizes)
    (row,) = image.measure().rows
    assert (row.ours, row.usual, row.remark) == (300, None, "")
    assert row.reached


@pytest.mark.parametrize(
    ("size", "mb"), [("325.4 MB", 325.4), ("1.2 GB", 1200), ("12 kB", 0.012), ("7 B", 7e-6)]
)
def test_sizes_are_those_that_buildah_writes(size: str, mb: float) -> None:
    assert image.megabytes(size) == pytest.approx(mb)


def test_what_is_no_size_is_refused() -> None:
    with pytest.raises(ValueError, match="huge"):
        image.megabytes("huge")
