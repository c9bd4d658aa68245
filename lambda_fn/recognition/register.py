"""The register of attendance: the tracks of a video, put down to people and strangers."""

from collections import defaultdict
from dataclasses import dataclass

from hybridsphere.recognition.conclusion import Conclusion, conclusions
from hybridsphere.recognition.identity import Identity
from lambda_fn.recognition.tracks import PATIENCE_FRAMES, Track

# A stranger in a single frame is more often a known person who turns than somebody else.
_LEAST_SIGHTINGS = 2

Spans = tuple[tuple[float, float], ...]
"""First and last seconds of the times at which somebody was in the picture, in order."""


@dataclass(frozen=True, slots=True)
class Presence:
    """The times of somebody in a video, the number of frames that show them, and their faces."""

    spans: Spans
    sightings: int
    identities: tuple[Identity, ...]

    @property
    def first_s(self) -> float:
        return self.spans[0][0]

    @property
    def last_s(self) -> float:
        return self.spans[-1][1]


@dataclass(frozen=True, slots=True)
class Attendee(Presence):
    """A known person in a video, with the face that speaks most for them."""

    best: Conclusion


class Register:
    """The tracks that have ended; `gap_s` is the time between frames."""

    def __init__(self, gap_s: float) -> None:
        self.any_face = False
        # A person who is missing for as long as a track waits for them has not left.
        self._gap_s = gap_s * (PATIENCE_FRAMES + 1)
        self._known: dict[str, list[Track]] = defaultdict(list)
        self._unknown: list[Track] = []

    def enter(self, track: Track) -> None:
        """Enter a track under the name of its person, or as that of a stranger."""
        self.any_face = True
        person = track.identity.person()
        if person is None:
            self._unknown.append(track)
            return
        self._known[person.name].append(track)

    def people(self) -> tuple[Attendee, ...]:
        """Return the known people in the order of their appearance."""
        attendees = []
        for tracks in self._known.values():
            seen = self._presence(tracks)
            [best] = conclusions(seen.identities)
            attendees.append(Attendee(seen.spans, seen.sightings, seen.identities, best))
        return tuple(sorted(attendees, key=lambda one: (one.first_s, one.best.name)))

    def strangers(self) -> tuple[Presence, ...]:
        """Return the strangers in the order of their appearance.

        Tracks of one face are joined. A face that resembles a known person who is in the video, but
        not in the same frames, is left out: it may be that person, turned away.
        """
        strangers: list[list[Track]] = []
        for track in self._unknown:
            if any(self._may_be(track, name) for name in self._known):
                continue
            for tracks in strangers:
                if _may_be_one_face(track, tracks):
                    tracks.append(track)
                    break
            else:
                strangers.append([track])
        found = [self._presence(one) for one in strangers]
        seen = [one for one in found if one.sightings >= _LEAST_SIGHTINGS]
        return tuple(sorted(seen, key=lambda one: (one.first_s, one.last_s)))

    def _presence(self, tracks: list[Track]) -> Presence:
        identities = tuple(track.identity for track in tracks)
        return Presence(_spans(tracks, self._gap_s), _sightings(tracks), identities)

    def _may_be(self, track: Track, name: str) -> bool:
        """Whether a track may show a known person who turned away."""
        apart = all(not track.frames & known.frames for known in self._known[name])
        return apart and track.identity.resembles(name)


def _may_be_one_face(track: Track, tracks: list[Track]) -> bool:
    return any(
        not track.frames & other.frames and track.identity.is_shown_by(other.identity.average())
        for other in tracks
    )


def _sightings(tracks: list[Track]) -> int:
    """Count the frames; one that shows somebody twice, as a mirror may, counts once."""
    frames = 0
    for track in tracks:
        frames |= track.frames
    return frames.bit_count()


def _spans(tracks: list[Track], gap_s: float) -> Spans:
    """Return the times of tracks, joined if they overlap or follow within `gap_s`."""
    spans: list[tuple[float, float]] = []
    for first_s, last_s in sorted((track.first_s, track.last_s) for track in tracks):
        if spans and first_s <= spans[-1][1] + gap_s:
            spans[-1] = (spans[-1][0], max(spans[-1][1], last_s))
        else:
            spans.append((first_s, last_s))
    return tuple(spans)
