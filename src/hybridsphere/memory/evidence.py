"""Evidence: the faces of a video, as the function leaves them in the output bucket.

The object is a zip archive with `faces.json`, a JPEG per face (`0.jpg`, `1.jpg`, …) and perhaps
`scene.jpg`. It comes from a bucket, so nothing in it is trusted.
"""

import json
import math
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from hybridsphere.memory.archive import MOST_BYTES, MOST_FACES, EvidenceError, read_entries
from hybridsphere.memory.jpeg import jpeg_size
from hybridsphere.messages import BadMessage, Version, name_form
from hybridsphere.messages.fields import (
    attempt,
    etag,
    excerpt,
    mapping,
    optional_count,
    optional_text,
    text,
    time,
)
from hybridsphere.recognition.space import EMBEDDING_SIZE, Space

__all__ = ["MOST_BYTES", "MOST_FACES", "Evidence", "EvidenceError", "EvidenceFace", "parse"]

SCHEMA = "hybridsphere.faces/1"

MOST_LOOKS = 16

CERTAINTIES = ("sure", "likely", "doubtful", "unknown")

_MOST_SIDE = 1024
_MOST_SPANS = 10_000

# Lists and objects in `faces.json` take twenty times their text. The function writes 65,000 at
# most: 64 faces with 1,000 spans each.
_MOST_CONTAINERS = 100_000
_LATEST_MS = 2**41

# No number of an embedding is larger in the units of any engine.
_LARGEST = 100.0


@dataclass(frozen=True, slots=True)
class EvidenceFace:
    """One face of a video.

    - `box`: left, top, right and bottom, as ratios of the frame.
    - `spans`: first and last milliseconds of its times in the picture.
    - `best_ms`, `size_px`: time and height in pixels of the look that the picture shows.
    - `embeddings`: float16 `(looks, 128)` in the gallery's units, in the order of the looks.
    - `looks_ms`: the time of each look.
    - `name`, `distance`: the person; None for an unknown face.
    - `runner_up`: the next likeliest person; of an unknown face the likeliest.
    - `certainty`: one of `CERTAINTIES`.
    - `jpeg`: the picture.
    """

    number: int
    box: tuple[float, float, float, float]
    spans: tuple[tuple[int, int], ...]
    best_ms: int
    size_px: int
    embeddings: npt.NDArray[np.float16]
    looks_ms: tuple[int, ...]
    name: str | None
    distance: float | None
    runner_up: str | None
    runner_up_distance: float | None
    certainty: str
    jpeg: bytes

    @property
    def looks(self) -> int:
        return len(self.embeddings)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The faces of one version of one video, as one attempt saw them.

    - `space`: the engine's name, digest and scale.
    - `gallery`: a digest of the gallery that named the faces.
    - `left_out`: the number of faces that are not here, since there were too many.
    - `scene`, `scene_ms`: a small picture of the scene and its time, or None.
    """

    bucket: str
    key: str
    etag: str
    sequencer: str | None
    event_time: str
    attempt: int
    mode: str
    space: Space
    tolerance: float
    gallery: str | None
    left_out: int
    scene_ms: int | None
    scene: bytes | None
    faces: tuple[EvidenceFace, ...]

    @property
    def version(self) -> Version:
        return Version(self.etag, self.sequencer, self.event_time)


def parse(content: bytes) -> Evidence:
    """Read an object. Raises EvidenceError, after little work, for any other content."""
    try:
        entries = read_entries(content)
        found = _parsed(entries.pop("faces.json", b""))
        return _evidence(mapping({"faces.json": found}, "faces.json"), entries)
    except EvidenceError:
        raise
    except BadMessage as error:
        raise EvidenceError(f"faces.json: {error}") from error
    # A hostile archive can provoke any error in zipfile, zlib or the parser of JSON.
    except Exception as error:
        raise EvidenceError(f"no readable archive: {excerpt(str(error))}") from error


def _evidence(found: Mapping[str, Any], pictures: dict[str, bytes]) -> Evidence:
    if found.get("schema") != SCHEMA:
        raise EvidenceError(f"schema is {excerpt(found.get('schema'))}, not {SCHEMA!r}")
    scene = None if found.get("scene") is None else mapping(found, "scene")
    listed = found.get("faces")
    if not isinstance(listed, list) or len(listed) > MOST_FACES:
        raise EvidenceError(f"faces is no list of at most {MOST_FACES}")
    evidence = Evidence(
        bucket=text(found, "bucket"),
        key=text(found, "key"),
        etag=etag(found),
        sequencer=optional_text(found, "sequencer"),
        event_time=time(found, "event_time"),
        attempt=attempt(found),
        mode=text(found, "mode"),
        space=_space(mapping(found, "engine")),
        tolerance=_number(found, "tolerance", 0.0, _LARGEST),
        gallery=optional_text(found, "gallery"),
        left_out=optional_count(found, "left_out") or 0,
        scene_ms=None if scene is None else _milliseconds(scene, "at_ms"),
        scene=None if scene is None else _picture(pictures, "scene.jpg"),
        faces=tuple(
            _face(mapping({"face": face}, "face"), number, pictures)
            for number, face in enumerate(listed)
        ),
    )
    if pictures:
        raise EvidenceError(f"{min(pictures)} belongs to no face")
    return evidence


def _space(engine: Mapping[str, Any]) -> Space:
    return Space(text(engine, "name"), text(engine, "digest"), _number(engine, "scale", 0.01, 100))


def _face(found: Mapping[str, Any], number: int, pictures: dict[str, bytes]) -> EvidenceFace:
    if found.get("number") != number:
        raise EvidenceError(f"the face {number} has the number {excerpt(found.get('number'))}")
    name, certainty = _name(found, "name"), text(found, "certainty")
    if certainty not in CERTAINTIES or (certainty == "unknown") != (name is None):
        # The text is kept and logged, so it has no name.
        which = "a face without a name" if name is None else "a face with a name"
        raise EvidenceError(f"certainty is {excerpt(certainty)} for {which}")
    embeddings = _embeddings(found)
    return EvidenceFace(
        number=number,
        box=_box(found),
        spans=_spans(found),
        best_ms=_milliseconds(found, "best_ms"),
        size_px=_integer(found, "size_px", 2**16),
        embeddings=embeddings,
        looks_ms=_looks_ms(found, len(embeddings)),
        name=name,
        distance=_optional_distance(found, "distance"),
        runner_up=_name(found, "runner_up"),
        runner_up_distance=_optional_distance(found, "runner_up_distance"),
        certainty=certainty,
        jpeg=_picture(pictures, f"{number}.jpg"),
    )


def _name(found: Mapping[str, Any], field: str) -> str | None:
    name = optional_text(found, field)
    return None if name is None else name_form(name)


def _box(found: Mapping[str, Any]) -> tuple[float, float, float, float]:
    edges = found.get("box")
    if not isinstance(edges, list) or len(edges) != 4:
        raise EvidenceError(f"box is {excerpt(edges)}, not four edges")
    left, top, right, bottom = (_number({"box": edge}, "box", 0, 1) for edge in edges)
    if not (left < right and top < bottom):
        raise EvidenceError(f"box is {excerpt(edges)}, which has no inside")
    return left, top, right, bottom


def _spans(found: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    spans = found.get("spans")
    if not isinstance(spans, list) or len(spans) > _MOST_SPANS:
        raise EvidenceError(f"spans is no list of at most {_MOST_SPANS}")
    read = []
    for span in spans:
        if not isinstance(span, list) or len(span) != 2:
            raise EvidenceError(f"spans holds {excerpt(span)}")
        first, last = (_milliseconds({"spans": moment}, "spans") for moment in span)
        if first > last:
            raise EvidenceError(f"spans holds {excerpt(span)}, which ends before it begins")
        read.append((first, last))
    return tuple(read)


def _embeddings(found: Mapping[str, Any]) -> npt.NDArray[np.float16]:
    looks = _integer(found, "looks", MOST_LOOKS)
    content = b64decode(text(found, "embeddings"), validate=True) if looks else b""
    if len(content) != looks * EMBEDDING_SIZE * 2:
        raise EvidenceError(f"embeddings has {len(content)} bytes for {looks} looks")
    rows = np.frombuffer(content, "<f2").reshape(looks, EMBEDDING_SIZE)
    # Written so that NaN fails too.
    if not (np.abs(rows) <= _LARGEST).all():
        raise EvidenceError("embeddings holds numbers that are not finite, or too large")
    return rows.astype(np.float16)


def _looks_ms(found: Mapping[str, Any], looks: int) -> tuple[int, ...]:
    times = found.get("looks_ms")
    if not isinstance(times, list) or len(times) != looks:
        raise EvidenceError(f"looks_ms has no time for each of {looks} looks")
    return tuple(_milliseconds({"looks_ms": moment}, "looks_ms") for moment in times)


def _picture(pictures: dict[str, bytes], name: str) -> bytes:
    picture = pictures.pop(name, b"")
    width, height = jpeg_size(picture) or (0, 0)
    if not (0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE):
        raise EvidenceError(f"{name} is no JPEG of at most {_MOST_SIDE} pixels a side")
    return picture


def _optional_distance(found: Mapping[str, Any], name: str) -> float | None:
    return None if found.get(name) is None else _number(found, name, 0, _LARGEST)


def _number(found: Mapping[str, Any], name: str, least: float, most: float) -> float:
    value: Any = found.get(name)
    if type(value) not in {int, float} or not least <= value <= most or not math.isfinite(value):
        raise EvidenceError(f"{name} is {excerpt(value)}, not a number from {least} to {most}")
    return float(value)


def _integer(found: Mapping[str, Any], name: str, most: int) -> int:
    value = found.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise EvidenceError(f"{name} is {excerpt(value)}, not a whole number from 0 to {most}")
    return value


def _milliseconds(found: Mapping[str, Any], name: str) -> int:
    return _integer(found, name, _LATEST_MS)


def _parsed(content: bytes) -> Any:
    if content.count(b"{") + content.count(b"[") > _MOST_CONTAINERS:
        raise EvidenceError(f"faces.json has more than {_MOST_CONTAINERS} lists and objects")
    return json.loads(content, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise EvidenceError(f"faces.json holds {name}, which is no number")
