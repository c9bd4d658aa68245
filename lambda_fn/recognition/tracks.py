"""Tracks: faces followed from frame to frame, so that few of them have to be encoded."""

from collections.abc import Callable, Iterable, Iterator

from hybridsphere.recognition.identity import Identity
from lambda_fn.evidence.album import Album
from lambda_fn.faces.detector import Face
from lambda_fn.faces.engine import Engine
from lambda_fn.faces.finder import LOOK
from lambda_fn.recognition.changes import Changes
from lambda_fn.recognition.patch import Patch
from lambda_fn.runtime.deadline import Deadline
from lambda_fn.video.video import Frame

# Most patches of one face a second apart are more alike; of two people, one pair in 300 is.
_ALIKE = 0.75

# A followed face is encoded again after this time, however alike its patches are.
_VERIFY_EVERY_S = 10.0

PATIENCE_FRAMES = 3
"""Frames for which a person who turns away keeps their track."""

# A look may miss a face that is smaller than this in it, in pixels; larger ones are gone.
_MISSED = 40

# Seconds between searches for small faces; each takes as long as four looks.
_SEARCH_EVERY_S = 10.0


class Track:
    """One face on its way through the video."""

    def __init__(self, identity: Identity, face: Face, patch: Patch, first_s: float) -> None:
        self.identity = identity
        self.face = face
        self.patch = patch
        self.first_s = first_s
        self.last_s = first_s
        self.verify_at_s = first_s
        self.encoded = 0
        # One bit per frame, set if the frame shows the face: a few hundred bytes for an hour.
        self.frames = 0
        self.lost = False

    @property
    def last_number(self) -> int:
        """The number of the last frame that shows the face."""
        return self.frames.bit_length() - 1


class Tracks:
    """The faces in the picture; `ended` is called with each track that has ended."""

    def __init__(
        self,
        engine: Engine,
        new_identity: Callable[[], Identity],
        *,
        gap_s: float,
        deadline: Deadline,
        ended: Callable[[Track], None],
        album: Album | None = None,
    ) -> None:
        self._engine = engine
        self._new_identity = new_identity
        self._gap_s = gap_s
        self._deadline = deadline
        self._ended = ended
        self._album = album
        self._changes = Changes()
        self._live: list[Track] = []
        self._number = -1
        self._searched_at_s = -_SEARCH_EVERY_S

    def follow(self, frame: Frame) -> None:
        """Take the next frame into account."""
        self._number += 1
        if self._changes.differs(frame):
            self._look(frame)
        else:
            for track in self._live:
                if not track.lost:
                    self._seen(track, frame)
        self._retire()

    def end(self) -> None:
        """End all tracks: there are no more frames."""
        for track in self._live:
            self._ended(track)
        self._live.clear()

    def _look(self, frame: Frame) -> None:
        """Find the faces of a frame, and the tracks they belong to."""
        for track in self._live:
            track.lost = True
        faces = self._find(frame)
        pixels = frame.rgb() if faces else None
        found = {
            number: (face, Patch.cut(pixels, face.box))
            for number, face in enumerate(faces)
            if pixels is not None
        }
        alike = [
            (-likeness, number, track)
            for track in self._live
            if frame.at_s < track.verify_at_s
            for number, (face, patch) in found.items()
            if face.box.near(track.face.box) and (likeness := patch.likeness(track.patch)) >= _ALIKE
        ]
        for number, track in _one_to_one(alike):
            self._seen(track, frame, *found.pop(number))
        self._encode(frame, found)
        if self._album is not None and faces:
            seen = [(track.identity, track.face) for track in self._live if not track.lost]
            self._album.see(frame, seen)

    def _find(self, frame: Frame) -> list[Face]:
        check = self._deadline.check
        if frame.at_s >= self._searched_at_s + _SEARCH_EVERY_S:
            self._searched_at_s = frame.at_s
            return self._engine.search(frame, check)
        found = self._engine.look(frame, check)
        for track in self._live:
            small = track.face.box.height * LOOK < _MISSED * max(frame.width, frame.height)
            if small and not any(face.box.near(track.face.box) for face in found):
                found += self._engine.find_again(frame, track.face, check)
        return _distinct(found)

    def _encode(self, frame: Frame, found: dict[int, tuple[Face, Patch]]) -> None:
        """Give each face to the lost track that its embedding fits, or to a new track."""
        faces = [face for face, _ in found.values()]
        rows = self._engine.encode(frame, faces, self._deadline.check)
        embeddings = dict(zip(found, rows, strict=True))
        lost = [track for track in self._live if track.lost]
        like = [
            (track.identity.distance(embedding), number, track)
            for track in lost
            for number, embedding in embeddings.items()
            if track.identity.is_shown_by(embedding)
        ]
        tracks = dict(_one_to_one(like))
        for number, embedding in embeddings.items():
            track = tracks.get(number)
            if track is None:
                track = Track(self._new_identity(), *found[number], frame.at_s)
                self._live.append(track)
            track.identity.add(embedding, frame.at_s)
            track.encoded += 1
            track.verify_at_s = frame.at_s + self._verify_in_s(track)
            self._seen(track, frame, *found[number])

    def _verify_in_s(self, track: Track) -> float:
        """Return how long a face is followed unverified: longer with each encoding."""
        if track.identity.sure():
            return _VERIFY_EVERY_S
        return float(min(_VERIFY_EVERY_S, self._gap_s * 2 ** (min(track.encoded, 16) - 1)))

    def _seen(
        self, track: Track, frame: Frame, face: Face | None = None, patch: Patch | None = None
    ) -> None:
        track.face = face or track.face
        track.patch = patch or track.patch
        track.last_s = frame.at_s
        track.frames |= 1 << self._number
        track.lost = False

    def _retire(self) -> None:
        for track in list(self._live):
            if self._number - track.last_number > PATIENCE_FRAMES:
                self._live.remove(track)
                self._ended(track)


def _distinct(faces: list[Face]) -> list[Face]:
    """Return one of several finds of the same face."""
    distinct: list[Face] = []
    for face in faces:
        if not any(face.box.overlaps(other.box) for other in distinct):
            distinct.append(face)
    return distinct


def _one_to_one(pairs: Iterable[tuple[float, int, Track]]) -> Iterator[tuple[int, Track]]:
    """Yield pairs of faces and tracks, the best first, each face and track at most once."""
    taken: set[int | Track] = set()
    for _, number, track in sorted(pairs, key=lambda pair: pair[0]):
        if not taken & {number, track}:
            taken |= {number, track}
            yield number, track
