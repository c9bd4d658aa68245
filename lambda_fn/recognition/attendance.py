"""Attendance: every known person of a video, with the times of their sightings."""

import time
from dataclasses import dataclass

from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity, Sighting
from lambda_fn.faces.engine import Engine
from lambda_fn.recognition.identify import identify
from lambda_fn.recognition.tracks import Track, Tracks
from lambda_fn.runtime.deadline import Deadline, OutOfTime
from lambda_fn.video.video import Video


@dataclass(frozen=True, slots=True)
class Attendee:
    """A known person, with the first and the last moment, and the number of frames with them."""

    best: Sighting
    first_s: float
    last_s: float
    sightings: int


@dataclass(frozen=True, slots=True)
class Attendance:
    """The outcome of a look at a whole video; `people` are in the order of their appearance."""

    people: tuple[Attendee, ...]
    any_face: bool
    cut_short: bool


def attend(
    video: Video,
    *,
    engine: Engine,
    gallery: Gallery,
    tolerance: float,
    frames_per_s: float,
    deadline: Deadline,
) -> Attendance:
    """Return every known person in a video, from its first frame to its last."""
    if not len(gallery):
        seen = identify(
            video,
            engine=engine,
            gallery=gallery,
            tolerance=tolerance,
            frames_per_s=frames_per_s,
            deadline=deadline,
        )
        return Attendance((), seen.any_face, seen.cut_short)
    register = _Register()
    gap_s = 1 / frames_per_s
    tracks = Tracks(
        engine,
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
        # By name: the best sighting, the first and the last second, and a bit for each frame.
        self._people: dict[str, tuple[Sighting, float, float, int]] = {}

    def enter(self, track: Track) -> None:
        """Enter a track under the name of its person, if it has one."""
        self.any_face = True
        best, first_s, last_s, frames = (
            track.identity.person(),
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
            # A frame that shows somebody twice, as a mirror may, is one sighting.
            frames |= earlier[3]
        self._people[best.name] = (best, first_s, last_s, frames)

    def people(self) -> tuple[Attendee, ...]:
        attendees = [
            Attendee(best, first_s, last_s, frames.bit_count())
            for best, first_s, last_s, frames in self._people.values()
        ]
        return tuple(sorted(attendees, key=lambda a: (a.first_s, a.best.name)))
