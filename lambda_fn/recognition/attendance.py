"""Who is in a video, everybody: a row a person, with when they were seen."""

import time
from dataclasses import dataclass

from lambda_fn.faces.engine import Engine
from lambda_fn.gallery.gallery import Gallery
from lambda_fn.recognition.identify import identify
from lambda_fn.recognition.identity import Identity, Sighting
from lambda_fn.recognition.tracks import Track, Tracks
from lambda_fn.runtime.deadline import Deadline, OutOfTime
from lambda_fn.video.video import Video


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody known, who was in the picture between two moments, in so many frames."""

    best: Sighting
    first_s: float
    last_s: float
    sightings: int


@dataclass(frozen=True, slots=True)
class Attendance:
    """What a video showed: `people` are those who are known, in the order they appeared in."""

    people: tuple[Attendee, ...]
    any_face: bool
    cut_short: bool


def attend(
    video: Video,
    *,
    faces: Engine,
    gallery: Gallery,
    tolerance: float,
    frames_per_s: float,
    deadline: Deadline,
) -> Attendance:
    """Everybody of the gallery whom a video shows, from its first frame to its last."""
    if not len(gallery):
        seen = identify(
            video,
            faces=faces,
            gallery=gallery,
            tolerance=tolerance,
            frames_per_s=frames_per_s,
            deadline=deadline,
        )
        return Attendance((), seen.any_face, seen.cut_short)
    register = _Register()
    gap_s = 1 / frames_per_s
    tracks = Tracks(
        faces,
        lambda: Identity(gallery, tolerance),
        gap_s=gap_s,
        deadline=deadline,
        ended=register.enter,
    )
    cut_short = False
    slowest_look_s = 0.0
    try:
        for frame in video.frames(lambda: gap_s, tick=deadline.check):
            deadline.check(slowest_look_s)
            started = time.monotonic()
            tracks.follow(frame)
            slowest_look_s = max(slowest_look_s, time.monotonic() - started)
    except OutOfTime:
        cut_short = True
    tracks.end()
    return Attendance(register.people(), register.any_face, cut_short)


class _Register:
    """The people of the tracks that have ended."""

    def __init__(self) -> None:
        self.any_face = False
        # Of each person the best sighting, the first and the last second, and their frames' bits.
        self._people: dict[str, tuple[Sighting, float, float, int]] = {}

    def enter(self, track: Track) -> None:
        """Puts down a track to whoever it shows."""
        self.any_face = True
        best, first_s, last_s, frames = (
            track.face.person(),
            track.first_s,
            track.last_s,
            track.frames,
        )
        if best is None:
            return
        if best.name in self._people:
            earlier = self._people[best.name]
            best = min(best, earlier[0], key=lambda sighting: sighting.distance)
            first_s, last_s = min(first_s, earlier[1]), max(last_s, earlier[2])
            # A frame that shows somebody twice, once in a mirror, is one sighting.
            frames |= earlier[3]
        self._people[best.name] = (best, first_s, last_s, frames)

    def people(self) -> tuple[Attendee, ...]:
        attendees = [
            Attendee(best, first_s, last_s, frames.bit_count())
            for best, first_s, last_s, frames in self._people.values()
        ]
        return tuple(sorted(attendees, key=lambda a: (a.first_s, a.best.name)))
