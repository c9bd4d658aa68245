"""The evidence of a video, from the function through the bucket to the VM's reader."""

import io
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from botocore.awsrequest import AWSResponse
from PIL import Image

from hybridsphere.memory.evidence import Evidence, EvidenceFace, parse
from hybridsphere.messages import Result, faces_key
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity
from lambda_fn import handler
from lambda_fn.runtime import aws
from lambda_fn.video.video import Rgb
from tests.lambda_fn.function_stage import ClipMaker, LogLines, Portrait, Stage, failing_as

Scene = Callable[..., Rgb]


@pytest.fixture
def scene(portrait: Portrait) -> Scene:
    """A picture of people beside each other."""
    return lambda *names, face=200: np.hstack([portrait(name, 320, 360, face) for name in names])


@pytest.fixture(params=["identify", "attendance"])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HYBRIDSPHERE_MODE", request.param)
    return str(request.param)


@pytest.fixture
def keep_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_EVIDENCE", "all")


def objects(stage: Stage) -> list[str]:
    listed = aws.client("s3").list_objects_v2(Bucket=stage.output_bucket, Prefix="_faces/")
    return [found["Key"] for found in listed.get("Contents", [])]


def evidence(stage: Stage, result: Result) -> Evidence:
    """The evidence that a message names."""
    assert result.faces_key is not None
    got = aws.client("s3").get_object(Bucket=stage.output_bucket, Key=result.faces_key)
    found = parse(got["Body"].read())
    assert len(found.faces) == result.faces
    return found


def again(face: EvidenceFace, gallery: Gallery, tolerance: float = 0.6) -> Identity:
    """The identity of a face, from its kept looks alone."""
    identity = Identity(gallery, tolerance)
    for row, at_ms in zip(face.embeddings, face.looks_ms, strict=True):
        identity.add(row.astype(np.float64), at_ms / 1000)
    return identity


@pytest.mark.usefixtures("keep_all")
def test_the_answer_is_found_again_from_the_kept_looks(
    stage: Stage, make_clip: ClipMaker, scene: Scene, gallery: Gallery, mode: str
) -> None:
    clip = make_clip(scene("ada", "stranger"), scene("stranger", "ada"))
    [result] = stage.run(stage.upload("a b/ü.mp4", clip, sequencer="0A"))
    found = evidence(stage, result)
    assert result.faces_key == faces_key("a b/ü.mp4") == "_faces/a b/ü.mp4.csv.zip"
    assert (found.bucket, found.key, found.mode) == (stage.input_bucket, "a b/ü.mp4", mode)
    assert (found.version, found.attempt) == (result.version, 1)
    assert (found.space, found.gallery) == (gallery.space, gallery.digest)
    assert {face.name for face in found.faces} == {"ada", None}
    for face in found.faces:
        identity = again(face, gallery)
        person = identity.person()
        assert identity.looks == face.looks
        assert face.name == (person.name if person else None)
        assert face.distance == (person.distance if person else None)
        assert face.certainty == (identity.certainty() if person else "unknown")
        runner_up = identity.runner_up() if person else identity.nearest()
        assert face.runner_up == (runner_up.name if runner_up else None)
        assert face.runner_up_distance == (runner_up.distance if runner_up else None)
    [ada] = [face for face in found.faces if face.name]
    [person] = result.people
    assert (ada.name, round(ada.distance or 0, 3), ada.certainty) == (
        person.name,
        person.distance,
        person.certainty,
    )


def test_a_face_has_its_place_its_times_and_its_picture(
    stage: Stage, make_clip: ClipMaker, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_MODE", "attendance")
    pictures = [scene("nobody", "ada"), scene("nobody", "nobody")]
    clip = make_clip(*[picture for picture in (*pictures, pictures[0]) for _ in range(5)])
    [result] = stage.run(stage.upload("ada.mp4", clip))
    found = evidence(stage, result)
    [ada] = found.faces
    assert ada.spans == ((0, 4000), (10_000, 14_833)) == result.people[0].spans
    left, top, right, bottom = ada.box
    assert 0.5 < left < 0.75 < right < 1
    assert 0.1 < top < 0.5 < bottom < 0.9
    assert ada.size_px == pytest.approx((bottom - top) * 360, abs=2)
    picture = Image.open(io.BytesIO(ada.jpeg))
    assert max(picture.size) <= 256
    assert len(ada.jpeg) <= 8192
    assert found.scene is not None
    assert len(found.scene) <= 30 * 1024
    assert Image.open(io.BytesIO(found.scene)).size == (640, 360)


@pytest.mark.usefixtures("mode")
def test_by_default_strangers_leave_neither_picture_nor_embedding(
    stage: Stage, make_clip: ClipMaker, scene: Scene
) -> None:
    clip = make_clip(*[scene("stranger", "ada")] * 2)
    [result] = stage.run(stage.upload("both.mp4", clip))
    found = evidence(stage, result)
    assert [face.name for face in found.faces] == ["ada"]
    assert found.scene is not None
    pixels = np.asarray(Image.open(io.BytesIO(found.scene)).convert("L"), np.float64)
    stranger, ada = pixels[:, :320], pixels[:, 320:]
    # A few coarse squares have no detail.
    detail = [np.abs(np.diff(half[130:230, 110:210], axis=1)).mean() for half in (stranger, ada)]
    assert detail[0] < detail[1] / 2


@pytest.mark.usefixtures("mode")
def test_strangers_alone_leave_nothing_by_default(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait
) -> None:
    [result] = stage.run(stage.upload("stranger.mp4", make_clip(*[portrait("stranger")] * 2)))
    assert (result.status, result.faces_key, result.faces) == ("unknown_face", None, None)
    assert objects(stage) == []


@pytest.mark.usefixtures("mode")
def test_nothing_is_kept_where_nothing_is_wanted(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_EVIDENCE", "none")
    [result] = stage.run(stage.upload("ada.mp4", make_clip(portrait("ada"))))
    assert (result.status, result.faces_key) == ("matched", None)
    assert result.people[0].certainty == "sure"
    assert objects(stage) == []


@pytest.mark.usefixtures("keep_all", "mode")
def test_with_an_empty_gallery_the_first_faces_are_kept_with_their_embeddings(
    stage: Stage, make_clip: ClipMaker, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HYBRIDSPHERE_GALLERY")
    [result] = stage.run(stage.upload("two.mp4", make_clip(scene("ada", "stranger"))))
    assert result.status == "unknown_face"
    found = evidence(stage, result)
    assert [(face.name, face.looks, face.certainty) for face in found.faces] == [
        (None, 1, "unknown"),
        (None, 1, "unknown"),
    ]


@pytest.mark.usefixtures("keep_all", "mode")
def test_no_pixel_and_no_embedding_is_in_message_answer_csv_or_log(
    stage: Stage, make_clip: ClipMaker, scene: Scene, capfd: pytest.CaptureFixture[str]
) -> None:
    record = stage.upload("both.mp4", make_clip(*[scene("ada", "stranger")] * 2))
    answer = handler.face_recognition_handler(record.to_event(), stage.context())
    received = aws.client("sqs").receive_message(QueueUrl=stage.queue_url)
    csv = stage.csv_object("both.mp4.csv")
    printed = capfd.readouterr()
    texts = [
        json.dumps(answer),
        *(message["Body"] for message in received["Messages"]),
        csv["text"],
        json.dumps(csv["Metadata"]),
        *(b64decode(csv["Metadata"][name]).decode() for name in ("people", "key")),
        printed.out,
        printed.err,
    ]
    key = json.loads(texts[1])["faces_key"]
    faces = aws.client("s3").get_object(Bucket=stage.output_bucket, Key=key)
    found = parse(faces["Body"].read())
    assert len(found.faces) == 2
    assert not any(word in text for text in texts for word in marks(found))


def marks(found: Evidence) -> Iterator[str]:
    """Forms in which a pixel or an embedding could leave."""
    for face in found.faces:
        for row in face.embeddings:
            yield b64encode(row.tobytes()).decode()[:16]
            yield row.tobytes().hex()[:16]
            yield from (str(number) for number in row[:20].tolist() if len(str(number)) > 6)
        yield b64encode(face.jpeg).decode()[200:216]
    yield "/9j/"
    yield "ffd8ff"


@contextmanager
def refusing(prefix: str, status: int, code: str) -> Iterator[None]:
    """A bucket that refuses writes below a prefix."""
    s3 = aws.client("s3")

    def refuse(request: Any, **_: Any) -> AWSResponse | None:
        if prefix not in request.url:
            return None
        answer = AWSResponse(request.url, status, {}, None)
        # It would be read from a connection.
        answer._content = f"<Error><Code>{code}</Code></Error>".encode()
        return answer

    s3.meta.events.register("before-send.s3.PutObject", refuse)
    try:
        yield
    finally:
        s3.meta.events.unregister("before-send.s3.PutObject", refuse)


def test_a_missing_permission_loses_the_faces_and_not_the_result(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait, log_lines: LogLines
) -> None:
    with refusing("/_faces/", 403, "AccessDenied"):
        [result] = stage.run(stage.upload("ada.mp4", make_clip(portrait("ada"))))
    assert (result.status, result.faces_key, result.faces) == ("matched", None, None)
    assert "faces" not in stage.csv_object("ada.mp4.csv")["Metadata"]
    refused, _ = log_lines()
    assert (refused["event"], refused["level"]) == ("faces.refused", "warning")
    assert (refused["key"], refused["error"]) == ("_faces/ada.mp4.csv.zip", "AccessDenied")


def test_an_outage_is_raised_before_the_message_so_that_lambda_tries_again(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    record = stage.upload("ada.mp4", make_clip(portrait("ada")))
    with refusing("/_faces/", 503, "SlowDown"), failing_as("ClientError", "SlowDown"):
        stage.run(record)
    assert stage.messages() == []
    [result] = stage.run(record)
    assert result.faces == 1


def test_a_picture_that_cannot_be_made_does_not_lose_the_result(
    stage: Stage,
    make_clip: ClipMaker,
    portrait: Portrait,
    log_lines: LogLines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> bytes:
        raise OSError("pixels")

    monkeypatch.setattr("lambda_fn.evidence.keeper.packed", broken)
    [result] = stage.run(stage.upload("ada.mp4", make_clip(portrait("ada"))))
    assert (result.status, result.faces_key) == ("matched", None)
    failed, _ = log_lines()
    assert (failed["event"], failed["error"]) == ("faces.failed", "OSError")
    assert "pixels" not in json.dumps(failed)


def test_faces_of_an_older_version_do_not_replace_newer_ones(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait
) -> None:
    new = stage.upload("x.mp4", make_clip(portrait("ada")), sequencer="02")
    [newer] = stage.run(new)
    # An event of the past: the object that it names is still read, by its ETag.
    [older] = stage.run(replace(new, sequencer="01"))
    assert (newer.faces, older.faces) == (1, None)
    assert evidence(stage, newer).version == newer.version


def test_a_later_attempt_replaces_faces_and_csv_and_an_earlier_one_does_not(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stage.upload("ada.mp4", make_clip(portrait("ada")))
    stage.run(first)
    monkeypatch.setenv("HYBRIDSPHERE_TOLERANCE", "0.59")
    [second] = stage.run(replace(first, attempt=2))
    assert second.attempt == 2
    found = evidence(stage, second)
    assert (found.attempt, found.tolerance) == (2, 0.59)
    assert stage.csv_object("ada.mp4.csv")["Metadata"]["attempt"] == "2"
    [late] = stage.run(first)
    assert (late.attempt, late.faces) == (1, None)
    assert evidence(stage, second) is not None
    assert stage.csv_object("ada.mp4.csv")["Metadata"]["attempt"] == "2"


def test_a_redelivery_names_the_faces_that_are_there(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait
) -> None:
    record = stage.upload("ada.mp4", make_clip(portrait("ada")))
    [first] = stage.run(record)
    [second] = stage.run(record)
    assert first.faces_key == second.faces_key
    assert evidence(stage, second).version == record.version
