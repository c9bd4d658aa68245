"""Identification: the one known person of a video."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from hybridsphere.recognition.candidates import Candidates
from hybridsphere.recognition.conclusion import Conclusion
from hybridsphere.recognition.gallery import Gallery
from lambda_fn.evidence.album import Album
from lambda_fn.faces.detector import Face
from lambda_fn.faces.engine import Engine
from lambda_fn.recognition.changes import Changes
from lambda_fn.runtime.deadline import Deadline, OutOfTime
from lambda_fn.video.video import Frame, Video

# While somebody is likely but not sure, the next frame follows after this share of the usual gap.
_FOLLOW_UP = 0.25

# Seconds between searches while no face is found; a search takes as long as three looks.
_SEARCH_EVERY_S = 10.0

# At the end, the first and the last picture without a face are searched. Less far apart than this,
# in seconds, they show the same people, and the first is enough.
_APART_S = 3.0


@dataclass(frozen=True, slots=True)
class Identification:
    """The outcome of a look at a video; without anybody known, `person` is None."""

    person: Conclusion | None
    any_face: bool
    cut_short: bool


def identify(
    video: Video,
    *,
    engine: Engine,
    gallery: Gallery,
    tolerance: float,
    frames_per_s: float,
    deadline: Deadline,
    album: Album | None = None,
) -> Identification:
    """Return the known person in a video; end as soon as the answer is sure.

    `album` gets every face, even if nobody is known.
    """
    search = _Search(engine, Candidates(gallery, tolerance), deadline, album)
    cut_short = False

    def gap_s() -> float:
        return (_FOLLOW_UP if search.follow_up else 1) / frames_per_s

    try:
        search.run(video.frames(gap_s, tick=deadline.check))
    except OutOfTime:
        cut_short = True
    return Identification(search.candidates.person(), search.any_face, cut_short)


class _Search:
    """A search for the person, from frame to frame."""

    def __init__(
        self, engine: Engine, candidates: Candidates, deadline: Deadline, album: Album | None
    ) -> None:
        self.any_face = False
        self.follow_up = False
        self.candidates = candidates
        self._engine = engine
        self._deadline = deadline
        self._album = album
        self._changes = Changes()
        # Whether the last frame was clear at a glance; otherwise the next one is looked at at once.
        self._glance_suffices = True
        self._searched_at_s = 0.0
        self._slowest_look_s = 0.0

    def run(self, frames: Iterable[Frame]) -> None:
        """Look at frames until the answer is sure or there are no more."""
        unsearched: list[Frame] = []
        for frame in frames:
            # A still picture would only repeat what the last look said.
            if not self._changes.differs(frame):
                self.follow_up = False
                if self._album is not None:
                    self._album.still(frame.at_s)
                continue
            found: list[Face] = []
            searched = self._look(frame, found)
            if not found and not searched:
                # The first such frame and the last may still be searched at the end.
                unsearched = [*unsearched[:1], frame]
            if self._done():
                return
        first, last = unsearched[:1], unsearched[1:]
        for frame in [*first, *(one for one in last if one.at_s - first[0].at_s >= _APART_S)]:
            if self._done() or self.candidates.likely():
                return
            self._search(frame, [])

    def _look(self, frame: Frame, found: list[Face]) -> bool:
        """Look at a frame, closer if nobody known is likely; extend `found` by its faces.

        Returns whether the frame was searched for small faces too.
        """
        self._deadline.check(self._slowest_look_s)
        started = time.monotonic()
        check = self._deadline.check
        likely = False
        if self._glance_suffices:
            likely = self._add(frame, self._engine.glance(frame, check), found)
        if not likely:
            likely = self._add(frame, self._engine.look(frame, check), found)
        self._glance_suffices = likely
        searched = not found and frame.at_s >= self._searched_at_s + _SEARCH_EVERY_S
        if searched:
            self._searched_at_s = frame.at_s
            self._search(frame, found)
        self._slowest_look_s = max(self._slowest_look_s, time.monotonic() - started)
        return searched

    def _search(self, frame: Frame, found: list[Face]) -> None:
        """Search a frame in which a look has found no face."""
        self._add(frame, self._engine.search(frame, self._deadline.check, seen=[]), found)

    def _add(self, frame: Frame, faces: list[Face], found: list[Face]) -> bool:
        """Take the new ones of some faces into account; whether one is likely somebody known."""
        new = [face for face in faces if not any(face.box.overlaps(old.box) for old in found)]
        found += new
        self.any_face = self.any_face or bool(new)
        # With an empty gallery an embedding has nothing to be compared with.
        if self.candidates.nobody_is_known and self._album is None:
            return False
        embeddings = self._engine.encode(frame, new, self._deadline.check)
        seen = self.candidates.add(embeddings, frame.at_s)
        for identity, face in zip(seen, new, strict=True):
            if identity.needs_looks():
                # The mirror image is a second look without another frame.
                self._deadline.check()
                [embedding] = self._engine.encode_mirrored(frame, [face])
                identity.add(embedding, frame.at_s)
        if self._album is not None:
            self._album.see(frame, list(zip(seen, new, strict=True)))
        self.follow_up = any(identity.needs_looks() for identity in seen)
        return any(identity.likely() for identity in seen)

    def _done(self) -> bool:
        """Whether further frames would change nothing."""
        return self.candidates.sure() or (self.any_face and self.candidates.nobody_is_known)
