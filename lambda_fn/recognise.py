"""Who is in a video: which frames are looked at, how closely, and when the answer is sure."""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from lambda_fn.deadline import Deadline, OutOfTime
from lambda_fn.faces import Box, Faces
from lambda_fn.gallery import Embeddings, Gallery
from lambda_fn.video import MAX_PIXELS, Frame, Video

# How far the evidence for one person must lead that for the next. With a tolerance of 0.6 one
# frame at a distance of 0.46 is enough, or two at 0.50, or three at 0.52; at 0.58 it takes fifty.
_SURE = 0.05

# A frame that is worth a quarter of that is followed up after a quarter of the usual gap: a second
# opinion is at hand there, and what lies between need not be decoded.
_PROMISING = 0.25

# Frames that showed nobody known at a glance wait for a thorough look, which takes ten to thirty
# times as long: the next glance may make it needless. They wait in memory, though.
_WAITING_FRAMES = 8


@dataclass(frozen=True, slots=True)
class Sighting:
    """Somebody known, in the frame that shows them best."""

    name: str
    distance: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What a video showed: `person` is None where nobody known was seen."""

    person: Sighting | None
    any_face: bool
    cut_short: bool


def identify(
    video: Video,
    *,
    faces: Faces,
    gallery: Gallery,
    tolerance: float,
    frames_per_s: float,
    deadline: Deadline,
) -> Seen:
    """The one person of the gallery whom a video shows; ends as soon as the answer is sure.

    A face counts for everybody within the tolerance, by the square of how far within, and over all
    frames: so a clear likeness outweighs many vague ones, and no single look-alike frame decides.
    """
    search = _Search(faces, gallery, tolerance, deadline)
    cut_short = False

    def gap_s() -> float:
        return (_PROMISING if search.promising else 1) / frames_per_s

    try:
        search.run(video.frames(gap_s, tick=deadline.check))
    except OutOfTime:
        cut_short = True
    return Seen(search.evidence.person(), search.any_face, cut_short)


class Evidence:
    """What the frames so far say, for each person within the tolerance."""

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self._weights: dict[str, float] = defaultdict(float)
        self._best: dict[str, Sighting] = {}

    def add(self, sightings: Iterable[Sighting]) -> float:
        """Adds the sightings of one frame, and tells the weight of the best.

        Of several sightings of one person the nearest counts.
        """
        nearest: dict[str, Sighting] = {}
        for sighting in sightings:
            known = nearest.setdefault(sighting.name, sighting)
            if sighting.distance < known.distance:
                nearest[sighting.name] = sighting
        most = 0.0
        for name, sighting in nearest.items():
            weight = (1 - sighting.distance / self._tolerance) ** 2
            most = max(most, weight)
            self._weights[name] += weight
            best = self._best.setdefault(name, sighting)
            if sighting.distance < best.distance:
                self._best[name] = sighting
        return most

    def sure(self) -> bool:
        """Whether one person leads by so much that further frames would not change it."""
        first, second = sorted([0.0, 0.0, *self._weights.values()], reverse=True)[:2]
        return first - second >= _SURE

    def person(self) -> Sighting | None:
        """Whoever the evidence is strongest for, where it shows them best."""
        # Where nobody is even a little within the tolerance, the better likeness decides.
        ranked = sorted(self._best.values(), key=lambda s: (-self._weights[s.name], s.distance))
        return ranked[0] if ranked else None


class _Search:
    def __init__(
        self, faces: Faces, gallery: Gallery, tolerance: float, deadline: Deadline
    ) -> None:
        self.any_face = False
        self.promising = False
        self.evidence = Evidence(tolerance)
        self._faces = faces
        self._gallery = gallery
        self._tolerance = tolerance
        self._deadline = deadline
        self._slowest_look_s = 0.0

    def run(self, frames: Iterable[Frame]) -> None:
        """Looks at frames, at a glance first, until the answer is sure or there are no more."""
        waiting: list[tuple[Frame, list[Box]]] = []
        for frame in frames:
            boxes: list[Box] = []
            if not self._look(frame, boxes) and not frame.extra:
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

    def _look(self, frame: Frame, boxes: list[Box], *, thorough: bool = False) -> bool:
        """Whether somebody known is in a frame; `boxes`, the faces encoded so far, is extended."""
        self._deadline.check(self._slowest_look_s)
        started = time.monotonic()
        found = self._faces.find(frame, thorough=thorough)
        new = [box for box in found if not any(box.overlaps(old) for old in boxes)]
        boxes += new
        self.any_face = self.any_face or bool(new)
        sightings = [
            Sighting(match.name, match.distance, frame.at_s)
            for embedding in self._encode(frame, new)
            for match in self._gallery.matches(embedding, self._tolerance)
        ]
        weight = self.evidence.add(sightings)
        self.promising = weight >= _SURE * _PROMISING
        self._slowest_look_s = max(self._slowest_look_s, time.monotonic() - started)
        return bool(sightings)

    def _encode(self, frame: Frame, boxes: list[Box]) -> Embeddings:
        # An encoding takes longer than a glance; with nobody to compare it to there is no use.
        return self._faces.encode(frame, boxes if len(self._gallery) else [])

    def _done(self) -> bool:
        """Whether further frames would change nothing."""
        return self.evidence.sure() or (self.any_face and not len(self._gallery))
