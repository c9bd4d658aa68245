"""The evidence object: a zip archive with `faces.json`, a JPEG per face, and one of the scene."""

import io
import json
import zipfile
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from hybridsphere.messages import S3Record
from hybridsphere.recognition.decision import answer_of
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity
from hybridsphere.recognition.space import Space
from lambda_fn.evidence.album import Picture
from lambda_fn.evidence.faces import SeenFace, SeenFaces

SCHEMA = "hybridsphere.faces/1"

MOST_FACE_BYTES = 8 * 2**10
MOST_SCENE_BYTES = 30 * 2**10

_QUALITIES = (70, 50, 30, 15)

_MOST_SPANS = 1000


def packed(
    seen: SeenFaces,
    scene: Picture | None,
    record: S3Record,
    *,
    mode: str,
    space: Space,
    tolerance: float,
    gallery: Gallery,
    unknown: bool,
) -> bytes:
    """Return the content of the object of a video.

    Without `unknown` other people's faces are covered where they stand beside a known one.
    """
    hidden = _nobody if unknown else _is_unknown
    if scene is not None and all(hidden(identity) for identity, _ in scene.people):
        scene = None
    found = {
        "schema": SCHEMA,
        "bucket": record.bucket,
        "key": record.key,
        "etag": record.etag,
        "sequencer": record.sequencer,
        "event_time": record.event_time,
        "attempt": record.attempt,
        "mode": mode,
        "engine": {"name": space.engine, "digest": space.digest, "scale": space.scale},
        "tolerance": tolerance,
        "gallery": gallery.digest,
        "left_out": seen.left_out,
        "scene": None if scene is None else {"at_ms": round(1000 * scene.at_s)},
        "faces": [_face(number, face) for number, face in enumerate(seen.faces)],
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        _add(archive, "faces.json", json.dumps(found, ensure_ascii=False).encode(), deflated=True)
        for number, face in enumerate(seen.faces):
            own = _others_than(face.identity, hidden)
            _add(archive, f"{number}.jpg", jpeg(face.picture.covered(own), MOST_FACE_BYTES))
        if scene is not None:
            _add(archive, "scene.jpg", jpeg(scene.covered(hidden), MOST_SCENE_BYTES))
    return file.getvalue()


def jpeg(image: Image.Image, most: int) -> bytes:
    """Return a picture as a JPEG of `most` bytes at most, coarser or smaller where necessary."""
    while True:
        for quality in _QUALITIES:
            file = io.BytesIO()
            image.save(file, "JPEG", quality=quality)
            if file.tell() <= most:
                return file.getvalue()
        image = image.resize((max(1, image.width // 2), max(1, image.height // 2)))


def _face(number: int, face: SeenFace) -> dict[str, Any]:
    identity, picture = face.identity, face.picture
    width, height = picture.frame
    box = face.entry.box.within(width, height)
    looks = np.array([look.embedding for look in identity.kept], "<f2")
    return {
        "number": number,
        "box": [
            round(ratio, 5)
            for ratio in (
                box.left / width,
                box.top / height,
                box.right / width,
                box.bottom / height,
            )
        ],
        "spans": face.spans[:_MOST_SPANS],
        "best_ms": round(1000 * picture.at_s),
        "size_px": face.entry.box.height,
        "looks": len(looks),
        "looks_ms": [round(1000 * look.at_s) for look in identity.kept],
        "embeddings": b64encode(looks.tobytes()).decode(),
        **answer_of(identity)._asdict(),
    }


def _add(archive: zipfile.ZipFile, name: str, content: bytes, *, deflated: bool = False) -> None:
    # A fixed time, so that the same faces make the same bytes.
    entry = zipfile.ZipInfo(name)
    archive.writestr(entry, content, zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED)


def _nobody(_: Identity) -> bool:
    return False


def _is_unknown(identity: Identity) -> bool:
    return identity.person() is None


def _others_than(own: Identity, hidden: Callable[[Identity], bool]) -> Callable[[Identity], bool]:
    return lambda identity: identity is not own and hidden(identity)
