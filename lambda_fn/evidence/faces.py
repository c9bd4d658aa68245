"""The faces of a video as the evidence has them: in attendance one per person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hybridsphere.recognition.identity import Identity
from lambda_fn.evidence.album import Album, Entry, Picture
from lambda_fn.recognition.attendance import Attendance
from lambda_fn.recognition.identify import Identification
from lambda_fn.recognition.register import Attendee, Presence

MOST_FACES = 64
"""Faces that an evidence object has."""

Milliseconds = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face of a video: who it is, its best picture, and its times in milliseconds."""

    identity: Identity
    entry: Entry
    spans: tuple[Milliseconds, ...]

    @property
    def is_known(self) -> bool:
        return self.identity.person() is not None

    @property
    def picture(self) -> Picture:
        return self.entry.picture


@dataclass(frozen=True, slots=True)
class SeenFaces:
    """The faces of a video, the largest first, and the number of those that are left out."""

    faces: tuple[SeenFace, ...]
    left_out: int


def faces_of(seen: Identification | Attendance, album: Album, *, unknown: bool) -> SeenFaces:
    """Return the faces to keep: the known, and with `unknown` the others too.

    Beyond MOST_FACES unknown faces are left out first, then small ones.
    """
    if isinstance(seen, Attendance) and (seen.people or seen.strangers):
        found = list(_of_presences([*seen.people, *seen.strangers], album))
        missing = len(seen.people) + (len(seen.strangers) if unknown else 0)
    else:
        found = [
            SeenFace(identity, entry, tuple(map(_milliseconds, entry.spans(album.gap_s))))
            for identity, entry in album.entries.items()
        ]
        missing = None
    wanted = [face for face in found if unknown or face.is_known]
    wanted.sort(key=lambda face: (not face.is_known, -face.entry.box.height))
    total = missing if missing is not None else len(wanted) + (album.dropped if unknown else 0)
    kept = wanted[:MOST_FACES]
    kept.sort(key=lambda face: -face.entry.box.height)
    return SeenFaces(tuple(kept), total - len(kept))


def _of_presences(presences: Sequence[Presence], album: Album) -> Iterable[SeenFace]:
    for presence in presences:
        entries = [album.entries[one] for one in presence.identities if one in album.entries]
        if not entries:
            continue
        strongest = (
            presence.best.identity
            if isinstance(presence, Attendee)
            else max(presence.identities, key=lambda identity: identity.looks)
        )
        best = max(entries, key=lambda entry: entry.score)
        yield SeenFace(strongest, best, tuple(map(_milliseconds, presence.spans)))


def _milliseconds(span: tuple[float, float]) -> Milliseconds:
    return round(1000 * span[0]), round(1000 * span[1])
