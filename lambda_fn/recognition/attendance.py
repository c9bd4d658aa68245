"""Attendance: every known person of a video, with the times of their sightings."""

import time
from dataclasses import dataclass

from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity
from lambda_fn.evidence.album import Album
from lambda_fn.faces.engine import Engine
from lambda_fn.recognition.identify import identify
from lambda_fn.recognition.register import Attendee, Presence, Register
from lambda_fn.recognition.tracks import Tracks
from lambda_fn.runtime.deadline import Deadline, OutOfTime
from lambda_fn.video.video import Video


@dataclass(frozen=True, slots=True)
class Attendance:
    """The outcome of a look at a whole video; people and strangers are in order of appearance."""

    people: tuple[Attendee, ...]
    any_face: bool
    cut_short: bool
    strangers: tuple[Presence, ...] = ()


def attend(
    video: Video,
    *,
    engine: Engine,
    gallery: Gallery,
    tolerance: float,
    frames_per_s: float,
    deadline: Deadline,
    album: Album | None = None,
) -> Attendance:
    """Return everybody in a video, from its first frame to its last; `album` gets every face.

    With an empty gallery it ends at the first face, and strangers are not counted.
    """
    if not len(gallery):
        seen = identify(
            video,
            engine=engine,
            gallery=gallery,
            tolerance=tolerance,
            frames_per_s=frames_per_s,
            deadline=deadline,
            album=album,
        )
        return Attendance((), seen.any_face, seen.cut_short)
    gap_s = 1 / frames_per_s
    register = Register(gap_s)
    tracks = Tracks(
        engine,
        lambda: Identity(gallery, tolerance),
        gap_s=gap_s,
        deadline=deadline,
        ended=register.enter,
        album=album,
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
    people, strangers = register.people(), register.strangers()
    return Attendance(people, register.any_face, cut_short, strangers)
