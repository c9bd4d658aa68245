"""The gallery that the function was given, as it changes between one video and the next."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from hybridsphere.recognition.gallery import Gallery
from lambda_fn.gallery.source import GallerySource
from lambda_fn.runtime import aws
from tests.lambda_fn.function_stage import ClipMaker, LogLines, Portrait, Stage, failing_as


def test_a_new_gallery_in_s3_is_taken_up(
    *,
    stage: Stage,
    make_clip: ClipMaker,
    portrait: Portrait,
    gallery: Gallery,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def put(names: list[str]) -> None:
        Gallery(names, gallery.embeddings).save(tmp_path / "new.npz")
        body = (tmp_path / "new.npz").read_bytes()
        aws.client("s3").put_object(Bucket=stage.output_bucket, Key="known.npz", Body=body)

    monkeypatch.setenv("HYBRIDSPHERE_GALLERY", f"s3://{stage.output_bucket}/known.npz")
    record = stage.upload("ada.mp4", make_clip(portrait("ada")))
    put(["ben", "cleo", "old name"])
    assert [p.name for r in stage.run(record) for p in r.people] == ["old name"]
    assert [p.name for r in stage.run(record) for p in r.people] == ["old name"]
    put(["ben", "cleo", "new name"])
    assert [p.name for r in stage.run(record) for p in r.people] == ["new name"]


def test_an_unusable_new_gallery_in_s3_leaves_the_last_good_one(
    *,
    stage: Stage,
    make_clip: ClipMaker,
    portrait: Portrait,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    log_lines: LogLines,
) -> None:
    def put(body: bytes) -> None:
        aws.client("s3").put_object(Bucket=stage.output_bucket, Key="known.npz", Body=body)

    good = (tmp_path / "gallery.npz").read_bytes()
    monkeypatch.setenv("HYBRIDSPHERE_GALLERY", f"s3://{stage.output_bucket}/known.npz")
    record = stage.upload("ada.mp4", make_clip(portrait("ada")))
    put(good)
    stage.run(record)
    put(good[:999])
    stage.run(record)
    put(good[:999])
    stage.run(record)

    assert [(line["event"], line["level"]) for line in log_lines()] == [
        ("video.finished", "info"),
        ("gallery.rejected", "error"),
        *[("video.finished", "info")] * 2,
    ]


def test_without_a_good_gallery_in_s3_nothing_is_answered(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody would be unknown otherwise, for a mistake of the operator's."""
    location = f"s3://{stage.output_bucket}/known.npz"
    aws.client("s3").put_object(Bucket=stage.output_bucket, Key="known.npz", Body=b"hello")
    monkeypatch.setenv("HYBRIDSPHERE_GALLERY", location)
    with failing_as("GalleryError", match=location):
        stage.run(stage.upload("clip.mp4", b""))


@pytest.mark.parametrize("location", ["s3://{bucket}/missing.npz", "s3://{bucket}", "/missing.npz"])
def test_a_gallery_that_cannot_be_read_is_named(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    location = location.format(bucket=stage.output_bucket)
    monkeypatch.setenv("HYBRIDSPHERE_GALLERY", location)
    with failing_as("GalleryError", match=location):
        stage.run(stage.upload("clip.mp4", b""))


def test_a_gallery_in_the_image_needs_no_client_of_s3(gallery: Gallery, tmp_path: Path) -> None:
    gallery.save(tmp_path / "known.npz")

    def client() -> None:
        pytest.fail("made a client before any video needs one")

    assert len(GallerySource(str(tmp_path / "known.npz"), client).current()) == len(gallery)


def test_a_person_whose_consent_has_ended_is_left_out(tmp_path: Path) -> None:
    place = tmp_path / "gallery.npz"
    ended = {"ada": date(2020, 1, 1), "ben": date(9999, 1, 1)}
    Gallery(["ada", "ben"], np.eye(2, 128), consents=ended).save(place)
    source = GallerySource(str(place), lambda: None)
    assert source.current().names == ["ben"]
    assert source.current() is source.current()


def test_a_replaced_file_is_taken_up_and_a_broken_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "known.npz"

    def put(name: str) -> None:
        Gallery([name], np.ones((1, 128))).save(file)

    put("ada")
    source = GallerySource(str(file), pytest.fail)
    first = source.current()
    assert first.names == ["ada"]
    assert source.current() is first
    put("ben")
    second = source.current()
    assert second.names == ["ben"]
    for broken in (lambda: file.write_text("broken"), file.unlink):
        broken()
        assert source.current() is second
