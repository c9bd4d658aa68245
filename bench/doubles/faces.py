"""The objects with faces of the double: one known face a video, as the function writes it."""

import io
import json
import zipfile
from base64 import b64encode
from dataclasses import replace
from urllib.parse import quote, unquote

import numpy as np
from PIL import Image

from bench.doubles.http import Response
from bench.uploads import OUTPUT_BUCKET
from hybridsphere.messages import Result, faces_key
from hybridsphere.recognition.space import EMBEDDING_SIZE

FACES_PATH = f"/{OUTPUT_BUCKET}/{quote('_faces/')}"

_LOOKS = 2
_PICTURE_BYTES = 5_000
_SCENE_BYTES = 12_000


class FaceObjects:
    """The objects of the results that were named here; each is made when it is read."""

    def __init__(self) -> None:
        self._results: dict[str, Result] = {}
        self._picture = _jpeg(256, 256, _PICTURE_BYTES)
        self._scene = _jpeg(640, 360, _SCENE_BYTES)

    def named_in(self, result: Result) -> Result:
        """Return a result that names its object."""
        key = faces_key(result.key)
        self._results[key] = result
        return replace(result, faces_key=key, faces=1, engine="yunet-sface")

    def response(self, path: str) -> Response:
        """Answer `GetObject` for a path of the output bucket."""
        result = self._results[unquote(path.partition("?")[0].removeprefix(f"/{OUTPUT_BUCKET}/"))]
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("faces.json", json.dumps(_described(result)), zipfile.ZIP_DEFLATED)
            archive.writestr("0.jpg", self._picture)
            archive.writestr("scene.jpg", self._scene)
        return Response(file.getvalue(), content_type="application/zip", etag='"faces"')


def _described(result: Result) -> dict[str, object]:
    [person] = result.people
    drawn = np.random.default_rng(int(result.etag, 16)).normal(0, 0.05, (_LOOKS, EMBEDDING_SIZE))
    face = {
        "number": 0,
        "box": [0.25, 0.2, 0.5, 0.6],
        "spans": [[0, 2000]],
        "best_ms": 0,
        "size_px": 120,
        "looks": _LOOKS,
        "looks_ms": [0, 1000],
        "embeddings": b64encode(drawn.astype("<f2").tobytes()).decode(),
        "name": person.name,
        "distance": 0.31,
        "runner_up": None,
        "runner_up_distance": None,
        "certainty": "sure",
    }
    return {
        "schema": "hybridsphere.faces/1",
        "bucket": result.bucket,
        "key": result.key,
        "etag": result.etag,
        "sequencer": result.sequencer,
        "event_time": result.event_time,
        "attempt": 1,
        "mode": "identify",
        "engine": {"name": "yunet-sface", "digest": "0" * 64, "scale": 0.556},
        "tolerance": 0.6,
        "gallery": "0",
        "left_out": 0,
        "scene": {"at_ms": 0},
        "faces": [face],
    }


def _jpeg(width: int, height: int, size: int) -> bytes:
    """Return a grey picture with a comment that brings it to `size` bytes."""
    file = io.BytesIO()
    Image.new("L", (width, height), 128).save(file, "JPEG", comment=b" " * size)
    return file.getvalue()
