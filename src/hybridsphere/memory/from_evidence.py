"""An evidence object in the memory's own words."""

from hybridsphere.memory.evidence import Evidence, EvidenceFace
from hybridsphere.memory.face import Face, NewFace
from hybridsphere.memory.video import Scene, Video


def from_evidence(evidence: Evidence, version: str) -> tuple[Video, list[NewFace], Scene | None]:
    """Return the video, its faces and its scene; `version` is the ledger's name of the version."""
    video = Video(
        bucket=evidence.bucket,
        key=evidence.key,
        version=version,
        event_time=evidence.event_time,
        attempt=evidence.attempt,
        mode=evidence.mode,
        engine=evidence.space.engine,
        digest=evidence.space.digest,
        scale=evidence.space.scale,
        tolerance=evidence.tolerance,
        gallery=evidence.gallery,
        left_out=evidence.left_out,
    )
    has_scene = evidence.scene is not None and evidence.scene_ms is not None
    scene = Scene(evidence.scene_ms or 0, evidence.scene or b"") if has_scene else None
    return video, [_face(one) for one in evidence.faces], scene


def _face(one: EvidenceFace) -> NewFace:
    face = Face(
        number=one.number,
        box=one.box,
        spans=one.spans,
        best_ms=one.best_ms,
        size_px=one.size_px,
        looks=one.looks,
        name=one.name,
        distance=one.distance,
        runner_up=one.runner_up,
        runner_up_distance=one.runner_up_distance,
        certainty=one.certainty,
    )
    return NewFace(face, one.embeddings, one.jpeg, one.looks_ms)
