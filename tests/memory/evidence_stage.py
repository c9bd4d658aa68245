"""Evidence objects by hand, also those that the function would never write."""

import io
import json
import zipfile
from base64 import b64encode
from typing import Any

import numpy as np
from PIL import Image

from tests.samples import BUCKET, EVENT_TIME

SPACE = {"name": "yunet-sface", "digest": "0ba9fbfa", "scale": 0.556}


def jpeg(width: int = 64, height: int = 64) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (90, 110, 130)).save(file, "JPEG")
    return file.getvalue()


def embeddings(looks: int = 1, seed: int = 0) -> str:
    """Looks of nobody in particular, as `faces.json` has them."""
    rows = np.random.default_rng(seed).normal(0, 0.05, (looks, 128))
    return b64encode(rows.astype("<f2").tobytes()).decode()


def face(number: int = 0, **more: Any) -> dict[str, Any]:
    looks = more.pop("looks", 1)
    return {
        "number": number,
        "box": [0.25, 0.2, 0.5, 0.6],
        "spans": [[0, 2000], [5000, 5000]],
        "best_ms": 1000,
        "size_px": 120,
        "looks": looks,
        "looks_ms": [1000] * looks,
        "embeddings": embeddings(looks, number),
        "name": "ada",
        "distance": 0.31,
        "runner_up": "ben",
        "runner_up_distance": 0.62,
        "certainty": "sure",
        **more,
    }


def faces_json(*faces: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "schema": "hybridsphere.faces/1",
        "bucket": BUCKET,
        "key": "test_0.mp4",
        "etag": "e1",
        "sequencer": "01",
        "event_time": EVENT_TIME,
        "attempt": 1,
        "mode": "identify",
        "engine": SPACE,
        "tolerance": 0.6,
        "gallery": "g1",
        "left_out": 0,
        "scene": {"at_ms": 0},
        "faces": list(faces),
        **more,
    }


def evidence_object(*faces: dict[str, Any], **more: Any) -> bytes:
    """An object of these faces; without any, of one."""
    found = faces_json(*(faces or (face(),)), **more)
    pictures = {f"{number}.jpg": jpeg() for number in range(len(found["faces"]))}
    if found["scene"]:
        pictures["scene.jpg"] = jpeg(320, 180)
    return archive({"faces.json": json.dumps(found).encode(), **pictures})


def archive(files: dict[str, bytes], deflated: bool = False) -> bytes:
    """An archive of these files, stored, but for `faces.json` as the function writes it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as output:
        for name, content in files.items():
            deflate = deflated or name == "faces.json"
            output.writestr(name, content, zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED)
    return file.getvalue()
