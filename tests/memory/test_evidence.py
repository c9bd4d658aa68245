"""Evidence objects: what the function writes is read, anything else is refused at little cost."""

import io
import json
import struct
import time
import tracemalloc
import warnings
import zipfile
from base64 import b64encode
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridsphere.memory.evidence import MOST_BYTES, EvidenceError, parse
from hybridsphere.messages import Version
from hybridsphere.recognition.space import Space
from tests.memory.evidence_stage import (
    archive,
    embeddings,
    evidence_object,
    face,
    faces_json,
    jpeg,
)
from tests.messages.messages_stage import JSON, paths_of, spoiled
from tests.samples import EVENT_TIME

ONE = {"faces.json": json.dumps(faces_json(face())).encode(), "0.jpg": jpeg(), "scene.jpg": jpeg()}


def refusal(content: bytes) -> str | None:
    """The reason for which an object is refused; None for one that is read."""
    try:
        parse(content)
    except EvidenceError as error:
        return str(error)
    return None


def one_face(**more: Any) -> bytes:
    return evidence_object(face(**more))


def test_an_object_is_read_whole() -> None:
    unknown = face(1, name=None, distance=None, certainty="unknown", looks=3)
    found = parse(evidence_object(face(), unknown, left_out=7, attempt=2))
    assert found.version == Version("e1", "01", EVENT_TIME)
    assert (found.key, found.attempt, found.left_out) == ("test_0.mp4", 2, 7)
    assert found.space == Space("yunet-sface", "0ba9fbfa", 0.556)
    assert found.scene == jpeg(320, 180)
    first, second = found.faces
    assert (first.name, first.distance, first.certainty) == ("ada", 0.31, "sure")
    assert (first.runner_up, first.runner_up_distance) == ("ben", 0.62)
    assert first.box == (0.25, 0.2, 0.5, 0.6)
    assert first.spans == ((0, 2000), (5000, 5000))
    assert first.jpeg == jpeg()
    assert (second.name, second.looks, second.embeddings.shape) == (None, 3, (3, 128))
    assert second.embeddings.dtype == np.float16
    assert b64encode(second.embeddings.tobytes()).decode() == embeddings(3, 1)


@given(st.data(), JSON)
def test_a_spoiled_object_is_read_or_refused(data: st.DataObject, value: Any) -> None:
    whole = faces_json(face())
    path = data.draw(st.sampled_from(paths_of(whole)))
    content = json.dumps(spoiled(whole, path, value)).encode()
    reason = refusal(archive({**ONE, "faces.json": content})) or ""
    assert len(reason) < 400
    assert reason.isprintable()


@given(st.integers(0, len(archive(ONE)) - 1), st.binary(min_size=1, max_size=4))
def test_a_damaged_archive_is_read_or_refused(at: int, other: bytes) -> None:
    content = archive(ONE)
    refusal(content[:at] + other + content[at + len(other) :])


@given(st.binary(max_size=200))
def test_other_content_is_refused(content: bytes) -> None:
    with pytest.raises(EvidenceError):
        parse(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("../0.jpg", jpeg()),
        ("/etc/passwd", b"x"),
        ("..\\0.jpg", jpeg()),
        ("00.jpg", jpeg()),
        ("٣.jpg", jpeg()),
        ("faces/0.jpg", jpeg()),
        ("readme.txt", b"x"),
        ("7.jpg", jpeg()),
        ("0.jpg", b"GIF89a" + b"x" * 99),
        ("0.jpg", jpeg()[:-9]),
        ("0.jpg", b"\xff\xd8\xff\xd9"),
        ("0.jpg", jpeg(1100, 8)),
        ("0.jpg", jpeg() + b" " * 70_000 + b"\xff\xd9"),
        ("scene.jpg", b"<script>"),
        ("faces.json", b"[]"),
        ("faces.json", b"[" * 100_000),
        ("faces.json", b'{"schema": "hybridsphere.faces/1"}'),
        ("faces.json", json.dumps(faces_json(face(), tolerance=float("nan"))).encode()),
        ("faces.json", json.dumps(faces_json(face())).encode().replace(b"0.31", b"1e999")),
        ("faces.json", json.dumps(faces_json(schema="hybridsphere.faces/2")).encode()),
    ],
)
def test_a_file_that_the_function_does_not_write_is_refused(name: str, content: bytes) -> None:
    with pytest.raises(EvidenceError):
        parse(archive({**ONE, name: content}))


@pytest.mark.parametrize("missing", ["faces.json", "0.jpg", "scene.jpg"])
def test_an_object_without_one_of_its_files_is_refused(missing: str) -> None:
    with pytest.raises(EvidenceError):
        parse(archive({name: content for name, content in ONE.items() if name != missing}))


NAN = b64encode(np.full(128, np.nan, np.float16).tobytes()).decode()
INFINITE = b64encode(np.full(128, np.inf, np.float16).tobytes()).decode()
HUGE = b64encode(np.full(128, 6e4, np.float16).tobytes()).decode()


@pytest.mark.parametrize(
    "more",
    [
        {"embeddings": NAN},
        {"embeddings": HUGE},
        {"embeddings": INFINITE},
        {"embeddings": embeddings(2)},
        {"embeddings": embeddings(1)[:-8]},
        {"embeddings": "§"},
        {"looks": 17},
        {"looks_ms": []},
        {"looks_ms": [-1]},
        {"box": [0.5, 0.2, 0.5, 0.6]},
        {"box": [0, 0, 1, 2]},
        {"box": [0, 0, 1]},
        {"spans": [[2, 1]]},
        {"spans": [[-5, 1]]},
        {"spans": [[0, 10**30]]},
        {"spans": [[0, 1]] * 10_001},
        {"best_ms": 2**50},
        {"name": "a\u202eb"},
        {"name": None},
        {"certainty": "unknown"},
        {"certainty": "certain"},
        {"distance": -1},
        {"distance": True},
        {"number": 1},
    ],
)
def test_an_impossible_face_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError):
        parse(one_face(**more))


def test_a_file_that_is_there_twice_is_refused() -> None:
    file = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(file, "w") as output:
        for name, content in [*ONE.items(), ("0.jpg", jpeg(8, 8))]:
            output.writestr(name, content)
    with pytest.raises(EvidenceError, match="twice"):
        parse(file.getvalue())


def test_an_encrypted_file_is_refused() -> None:
    content = bytearray(archive(ONE))
    # The flags of the first entry in the archive's directory.
    content[content.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(EvidenceError, match="encrypted"):
        parse(bytes(content))


def bomb() -> bytes:
    """A gigabyte of blanks in a megabyte."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as output,
        output.open("faces.json", "w") as entry,
    ):
        for _ in range(1024):
            entry.write(b" " * 2**20)
    return file.getvalue()


def crowd() -> bytes:
    """An archive of a great many empty files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as output:
        for number in range(15_000):
            output.writestr(f"{number}.jpg", b"")
    return file.getvalue()


def false_size() -> bytes:
    """An archive whose directory is said to be small, and is not."""
    content = bytearray(crowd())
    content[-10:-6] = struct.pack("<I", 100)
    return bytes(content)


def second_end() -> bytes:
    """The same with a second end of the archive, which has the true size."""
    content = crowd()
    size, at = struct.unpack("<II", content[-10:-2])
    count = 15_000
    end = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, at)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(content) - 22, 1)
    small = content[-22:-10] + struct.pack("<IIH", 100, at, 0)
    return content[:-22] + end + locator + small


def many_values() -> bytes:
    """A description of half a million empty objects, in two kilobytes."""
    content = b'{"faces":[' + b"{}," * 500_000 + b"{}]}"
    return archive({**ONE, "faces.json": content})


def overlapping() -> bytes:
    """Sixty files that are all the same part of the archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as output:
        output.writestr("10.jpg", jpeg() + bytes(60_000) + b"\xff\xd9")
    content = file.getvalue()
    size, at = struct.unpack("<II", content[-10:-2])
    entry = content[at : at + size]
    entries = b"".join(entry.replace(b"10.jpg", b"%d.jpg" % n) for n in range(10, 70))
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 60, 60, len(entries), at, 0)
    return content[:at] + entries + end


def million() -> bytes:
    """The directory of a million files, without any of them."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, *[0] * 7, 1, *[0] * 6) + b"0"
    entries = entry * 1_000_000
    return entries + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 65535, 65535, len(entries), 0, 0)


HOSTILE = [
    bomb,
    crowd,
    false_size,
    second_end,
    many_values,
    overlapping,
    million,
    lambda: b"PK" * MOST_BYTES,
]


@pytest.mark.parametrize("make", HOSTILE)
def test_a_hostile_object_costs_nothing(make: Any) -> None:
    content = make()
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises(EvidenceError):
            parse(content)
        spent_s, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Without the bounds they take a gigabyte, or seconds.
    assert peak < 16 * 2**20
    assert spent_s < 0.5
