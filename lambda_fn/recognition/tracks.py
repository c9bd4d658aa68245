"""Engine followed from frame to frame, so that a person is not encoded again in every one."""

from collections.abc import Callable, Iterable, Iterator

from lambda_fn.faces.box import Box
from lambda_fn.faces.engine import Engine
from lambda_fn.recognition.changes import Changes
from lambda_fn.recognition.identity import Identity
from lambda_fn.recognition.patch import Patch
from lambda_fn.runtime.deadline import Deadline
from lambda_fn.video.video import Frame

# Patches of one face a second apart are mostly more alike than this; of two people one in 300 is.
_ALIKE = 0.75

# Even where patches stay alike, a face is encoded again after so long.
_VERIFY_EVERY_S = 10.0

# Whoever turns away is still the same when they turn back so many frames later.
_PATIENCE_FRAMES = 3

# So much of a frame is searched thoroughly at once. Where more changed, it is surveyed as a whole,
# and searched as a whole now and then: a search of 1280x720 takes as long as five surveys.
_SEARCHED_PIXELS = 640 * 360
_SEARCH_EVERY_S = 10.0


class Track:
    """One face on its way through the video."""

    def __init__(self, face: Identity, box: Box, patch: Patch, first_s: float) -> None:
        self.face = face
        self.box = box
        self.patch = patch
        self.first_s = first_s
        self.last_s = first_s
        self.verify_at_s = first_s
        # Bit by bit, whether each frame so far shows it: a few hundred bytes for an hour.
        self.frames = 0
        self.lost = False

    @property
    def last_number(self) -> int:
        """The number of the last frame that shows it."""
        return self.frames.bit_length() - 1


class Tracks:
    """The faces that are in the picture; `ended` is given each that has left it."""

    def __init__(
        self,
        faces: Engine,
        new_face: Callable[[], Identity],
        *,
        gap_s: float,
        deadline: Deadline,
        ended: Callable[[Track], None],
    ) -> None:
        self._faces = faces
        self._new_face = new_face
        self._gap_s = gap_s
        self._deadline = deadline
        self._ended = ended
        self._changes = Changes()
        self._live: list[Track] = []
        self._number = -1
        self._searched_at_s = -_SEARCH_EVERY_S

    def follow(self, frame: Frame) -> None:
        """Takes the next frame into account."""
        self._number += 1
        present = [track for track in self._live if not track.lost]
        regions = self._changes.regions(frame, [track.box for track in present])
        if sum(region.area for region in regions) > _SEARCHED_PIXELS:
            regions = [Box(0, frame.width, frame.height, 0)]
        still = {t for t in present if not any(region.touches(t.box) for region in regions)}
        for track in still:
            self._seen(track, frame)
        if regions:
            self._look(frame, regions, [track for track in self._live if track not in still])
        self._retire()

    def end(self) -> None:
        """Ends all tracks: there are no more frames."""
        for track in self._live:
            self._ended(track)
        self._live.clear()

    def _look(self, frame: Frame, regions: list[Box], moving: list[Track]) -> None:
        """Finds the faces in parts of a frame, and whose they are of those that moved."""
        for track in moving:
            track.lost = True
        pixels = frame.rgb()
        found = {box: Patch.cut(pixels, box) for box in self._find(frame, regions, moving)}
        alike = [
            (-likeness, box, track)
            for track in moving
            if frame.at_s < track.verify_at_s
            for box, patch in found.items()
            if box.near(track.box) and (likeness := patch.likeness(track.patch)) >= _ALIKE
        ]
        for box, track in _one_to_one(alike):
            self._seen(track, frame, box, found.pop(box))
        self._encode(frame, found, [track for track in moving if track.lost])

    def _find(self, frame: Frame, regions: list[Box], moving: list[Track]) -> list[Box]:
        check = self._deadline.check
        pixels = sum(region.area for region in regions)
        if pixels <= _SEARCHED_PIXELS or frame.at_s >= self._searched_at_s + _SEARCH_EVERY_S:
            found = [
                box
                for region in regions
                for box in self._faces.find(frame, thorough=True, region=region, tick=check)
            ]
            if pixels > _SEARCHED_PIXELS:
                self._searched_at_s = frame.at_s
        else:
            found = self._faces.survey(frame, check)
            for track in moving:
                if not any(box.near(track.box) for box in found):
                    check()
                    found += self._faces.find_again(frame, track.box)
        return _distinct(found)

    def _encode(self, frame: Frame, found: dict[Box, Patch], lost: list[Track]) -> None:
        """Gives each face to the track whose embeddings it is like, or to a new one."""
        rows = self._faces.encode(frame, list(found), self._deadline.check)
        embeddings = dict(zip(found, rows, strict=True))
        like = [
            (track.face.distance(embedding), box, track)
            for track in lost
            for box, embedding in embeddings.items()
            if track.face.is_shown_by(embedding)
        ]
        tracks = dict(_one_to_one(like))
        for box, embedding in embeddings.items():
            track = tracks.get(box)
            if track is None:
                track = Track(self._new_face(), box, found[box], frame.at_s)
                self._live.append(track)
            track.face.add(embedding, frame.at_s)
            track.verify_at_s = frame.at_s + self._verify_in_s(track.face)
            self._seen(track, frame, box, found[box])

    def _verify_in_s(self, face: Identity) -> float:
        """How long a face is followed unverified: the longer, the more often it was encoded."""
        if face.sure():
            return _VERIFY_EVERY_S
        return float(min(_VERIFY_EVERY_S, self._gap_s * 2 ** (min(face.looks, 16) - 1)))

    def _seen(
        self, track: Track, frame: Frame, box: Box | None = None, patch: Patch | None = None
    ) -> None:
        track.box = box or track.box
        track.patch = patch or track.patch
        track.last_s = frame.at_s
        track.frames |= 1 << self._number
        track.lost = False

    def _retire(self) -> None:
        for track in list(self._live):
            if self._number - track.last_number > _PATIENCE_FRAMES:
                self._live.remove(track)
                self._ended(track)


def _distinct(boxes: list[Box]) -> list[Box]:
    """Boxes of different faces."""
    distinct: list[Box] = []
    for box in boxes:
        if not any(box.overlaps(other) for other in distinct):
            distinct.append(box)
    return distinct


def _one_to_one(pairs: Iterable[tuple[float, Box, Track]]) -> Iterator[tuple[Box, Track]]:
    """Boxes and tracks that belong together, the best pair first, each at most once."""
    taken: set[Box | Track] = set()
    for _, box, track in sorted(pairs, key=lambda pair: pair[0]):
        if not taken & {box, track}:
            taken |= {box, track}
            yield box, track
