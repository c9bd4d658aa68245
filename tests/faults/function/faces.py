"""Objects with two strangers each, which differ from video to video."""

import json
from zlib import crc32

from hybridsphere.messages import Result
from tests.memory.evidence_stage import archive, embeddings, evidence_object, face

FACES = 2


def sizes(key: str) -> list[int]:
    """Return the size of each face in pixels; no two videos of a test share them."""
    return [50 + (crc32(key.encode()) + number) % 1900 for number in range(FACES)]


def content(result: Result) -> bytes:
    """Return the object of a video, or a hostile object if the key asks for it."""
    if result.key.startswith("faces/hostile"):
        return archive({"../../climbs.json": json.dumps({}).encode()})
    stranger = {"name": None, "distance": None, "runner_up": None, "runner_up_distance": None}
    found = [
        face(
            number,
            **stranger,
            certainty="unknown",
            size_px=size,
            embeddings=embeddings(1, crc32(result.key.encode()) + number),
        )
        for number, size in enumerate(sizes(result.key))
    ]
    named = ("bucket", "key", "etag", "sequencer", "event_time", "attempt")
    return evidence_object(*found, **{name: getattr(result, name) for name in named})
