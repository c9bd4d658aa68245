"""Who is in a video: which frames are looked at, how closely, and when the answer is sure."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from lambda_fn.faces.box import Box
from lambda_fn.faces.engine import Engine
from lambda_fn.gallery.gallery import Embeddings, Gallery
from lambda_fn.recognition.candidates import Candidates
from lambda_fn.recognition.changes import Changes
from lambda_fn.recognition.identity import Identity, Sighting
from lambda_fn.runtime.deadline import Deadline, OutOfTime
from lambda_fn.video.video import MAX_PIXELS, Frame, Video

# Where somebody known is likely but not sure, the next frame is looked at after a quarter of the
# usual gap: a second opinion is at hand there, and what lies between need not be decoded.
_FOLLOW_UP = 0.25

# Frames that showed nobody known at a glance wait for a thorough look, which takes ten to thirty
# times as long: the next glance may make it needless. They wait in memory, though.
_WAITING_FRAMES = 8


@dataclass(frozen=True, slots=True)
class Identification:
    """What a video showed: `person` is None where nobody known was seen."""

    person: Sighting | None
    any_face: bool
    cut_short: bool


def identify(
    video: Video,
    *,
    faces: Engine,
    gallery: Gallery,
    tolerance: float,
    frames_per_s: float,
    deadline: Deadline,
) -> Identification:
    """The one person of the gallery whom a video shows; ends as soon as the answer is sure."""
    search = _Search(faces, Candidates(gallery, tolerance), deadline)
    cut_short = False

    def gap_s() -> float:
        return (_FOLLOW_UP if search.follow_up else 1) / frames_per_s

    try:
        search.run(video.frames(gap_s, tick=deadline.check))
    except OutOfTime:
        cut_short = True
    return Identification(search.candidates.person(), search.any_face, cut_short)


class _Search:
    def __init__(self, faces: Engine, candidates: Candidates, deadline: Deadline) -> None:
        self.any_face = False
        self.follow_up = False
        self.candidates = candidates
        self._faces = faces
        self._deadline = deadline
        self._changes = Changes()
        self._slowest_look_s = 0.0

    def run(self, frames: Iterable[Frame]) -> None:
        """Looks at frames, at a glance first, until the answer is sure or there are no more."""
        waiting: list[tuple[Frame, list[Box]]] = []
        for frame in frames:
            boxes: list[Box] = []
            # Where a thorough look is near, no glance but the shortest is worth its time.
            briefly = len(waiting) >= _WAITING_FRAMES // 4
            if not self._look(frame, boxes, briefly=briefly) and not frame.extra:
                waiting.append((frame, boxes))
            pixels = len(waiting) * frame.width * frame.height
            if len(waiting) >= _WAITING_FRAMES or pixels > MAX_PIXELS:
                self._look_closer(waiting)
                waiting.clear()
            if self._done():
                return
        self._look_closer(waiting)

    def _look_closer(self, waiting: list[tuple[Frame, list[Box]]]) -> None:
        for frame, boxes in waiting:
            if self._done():
                return
            self._look(frame, boxes, thorough=True)

    def _look(
        self,
        frame: Frame,
        boxes: list[Box],
        *,
        thorough: bool = False,
        briefly: bool = False,
    ) -> bool:
        """Whether somebody known is likely in a frame; extends `boxes`, which are encoded."""
        self._deadline.check(self._slowest_look_s)
        started = time.monotonic()
        found = self._find_all(frame) if thorough else self._glance(frame, briefly=briefly)
        new = [box for box in found if not any(box.overlaps(old) for old in boxes)]
        boxes += new
        self.any_face = self.any_face or bool(new)
        seen = self.candidates.add(self._encode(frame, new), frame.at_s)
        self._look_again(frame, seen, new)
        self.follow_up = any(face.needs_looks() for face in seen)
        self._slowest_look_s = max(self._slowest_look_s, time.monotonic() - started)
        return any(face.likely() for face in seen)

    def _look_again(self, frame: Frame, seen: list[Identity], boxes: list[Box]) -> None:
        """A second look at whoever is likely somebody but not sure, in the mirror."""
        # With nobody known nobody was encoded, and there is nobody to look at again.
        for face, box in zip(seen, boxes, strict=False):
            if face.needs_looks():
                face.add(self._faces.encode_mirrored(frame, [box])[0], frame.at_s)

    def _glance(self, frame: Frame, *, briefly: bool) -> list[Box]:
        return self._faces.find(frame, briefly=briefly, tick=self._deadline.check)

    def _find_all(self, frame: Frame) -> list[Box]:
        """All faces in what changed since the last thorough look: the others were seen there."""
        found: list[Box] = []
        for region in self._changes.regions(frame, []):
            found += self._faces.find(
                frame, thorough=True, region=region, tick=self._deadline.check
            )
        return found

    def _encode(self, frame: Frame, boxes: list[Box]) -> Embeddings:
        # An encoding takes longer than a glance; with nobody to compare it to there is no use.
        wanted = [] if self.candidates.nobody_is_known else boxes
        return self._faces.encode(frame, wanted, self._deadline.check)

    def _done(self) -> bool:
        """Whether further frames would change nothing."""
        return self.candidates.sure() or (self.any_face and self.candidates.nobody_is_known)
