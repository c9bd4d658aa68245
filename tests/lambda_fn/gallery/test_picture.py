"""Photographs as phones, cameras and scanners write them, and as damage leaves them."""

import builtins
import io
import os
import random
import resource
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lambda_fn.gallery.picture import Unusable, read_picture
from lambda_fn.video.video import Rgb
from tests.lambda_fn.function_stage import Portrait
from tests.lambda_fn.video.photo_files import heic

_ORIENTATION = 0x0112


@pytest.fixture
def pixels(portrait: Portrait) -> Rgb:
    return portrait("ada")


def apart(one: Rgb, other: Rgb) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png", ".webp", ".avif"])
def test_formats_of_phones_are_read(pixels: Rgb, tmp_path: Path, suffix: str) -> None:
    Image.fromarray(pixels).save(tmp_path / f"ada{suffix}")
    assert apart(read_picture(tmp_path / f"ada{suffix}"), pixels) < 3


@pytest.mark.parametrize("name", ["ada.heic", "ada.HEIF", "ada.jpg"])
def test_heic_is_read_whatever_its_suffix(pixels: Rgb, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(heic(pixels))
    assert apart(read_picture(tmp_path / name), pixels) < 6


def test_heic_without_its_library_names_the_remedy(
    pixels: Rgb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ada.heic").write_bytes(heic(pixels))
    load = builtins.__import__

    def without_heif(name: str, *arguments: Any, **more: Any) -> Any:
        if name == "pi_heif":
            raise ImportError(name)
        return load(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without_heif)
    with pytest.raises(Unusable, match=r"hybridsphere\[photos\].*JPEG"):
        read_picture(tmp_path / "ada.heic")


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_grey_of_more_than_8_bits_keeps_its_levels(pixels: Rgb, tmp_path: Path, bits: int) -> None:
    grey = pixels[..., 0]
    Image.fromarray(grey.astype(np.uint16) << (bits - 8)).save(tmp_path / "ada.png")
    assert apart(read_picture(tmp_path / "ada.png"), np.stack([grey] * 3, axis=-1)) < 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_undone(pixels: Rgb, tmp_path: Path, orientation: int) -> None:
    array = pixels[:, :300]
    stored = {
        1: array,
        2: array[:, ::-1],
        3: array[::-1, ::-1],
        4: array[::-1],
        5: array.transpose(1, 0, 2),
        6: np.rot90(array, 1),
        7: array[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(array, -1),
    }[orientation]
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "ada.png", exif=exif)
    assert (read_picture(tmp_path / "ada.png") == array).all()


def test_odd_exif_does_not_matter(pixels: Rgb, tmp_path: Path) -> None:
    Image.fromarray(pixels).save(tmp_path / "plain.jpg")
    plain = read_picture(tmp_path / "plain.jpg")
    rng = random.Random(14)
    for number in range(50):
        entries = b"".join(
            struct.pack(
                "<HHI4s",
                rng.choice((_ORIENTATION, 0x8769, 0x0110, 0x010F)),
                rng.randrange(14),
                rng.choice((0, 1, 2, 2**31)),
                rng.randbytes(4),
            )
            for _ in range(4)
        )
        exif = b"Exif\0\0II*\0\x08\0\0\0\x04\0" + entries + bytes(4)
        Image.fromarray(pixels).save(tmp_path / f"{number}.jpg", exif=exif)
        read = read_picture(tmp_path / f"{number}.jpg")
        assert sorted(read.shape) == sorted(plain.shape), number


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "HEIC"])
def test_damaged_photographs_are_read_or_refused_with_a_reason(
    pixels: Rgb, tmp_path: Path, form: str
) -> None:
    small = np.ascontiguousarray(pixels[::4, ::4][:88, :160])
    if form == "HEIC":
        whole = heic(small)
    else:
        file = io.BytesIO()
        Image.fromarray(small).save(file, form)
        whole = file.getvalue()
    rng = random.Random(form)
    path = tmp_path / "ada.jpg"
    for _ in range(60):
        damaged = bytearray(whole[: rng.randrange(20, len(whole))] if rng.random() < 0.3 else whole)
        for _ in range(rng.randrange(1, 9)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        with suppress(Unusable):
            assert read_picture(path).shape[2] == 3


def test_a_photograph_of_two_hundred_megapixels_is_decoded_small(tmp_path: Path) -> None:
    Image.new("L", (16320, 12240), 90).save(tmp_path / "ada.jpg", quality=50)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = read_picture(tmp_path / "ada.jpg")
    assert read.size <= 3 * 4096**2
    assert read.shape[1] / read.shape[0] == pytest.approx(4 / 3, rel=0.01)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


def test_formats_that_decode_only_in_full_have_a_bound(tmp_path: Path) -> None:
    Image.new("1", (20000, 10000)).save(tmp_path / "ada.png")
    with pytest.raises(Unusable, match="200 megapixels, and at most 100"):
        read_picture(tmp_path / "ada.png")


def test_formats_that_start_programs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ada.jpg").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n")
    with pytest.raises(Unusable, match="not a picture"):
        read_picture(tmp_path / "ada.jpg")


def test_pillows_own_bound_is_as_before(pixels: Rgb, tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    (tmp_path / "ada.jpg").write_bytes(os.urandom(64))
    with pytest.raises(Unusable):
        read_picture(tmp_path / "ada.jpg")
    assert before == Image.MAX_IMAGE_PIXELS
