"""The least that could be done with a video of somebody known: decode up to the first frame that
shows them, look for the face in the smallest grey picture of it that will do, encode it once.

Which frame and which picture that is, is found out beforehand, and not timed: a real search has to
look for itself. It reads, decodes and encodes as the function does, for want of anything cheaper.
"""

from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from bench.answer import Answer
from bench.ways.our_videos import DEFAULTS, opened
from hybridsphere.recognition.gallery import Gallery
from lambda_fn.faces.detector import detector
from lambda_fn.faces.engine import engine_of
from lambda_fn.video.video import Frame

WAY = "one key frame decoded, one look at the smallest picture that shows the face, one encoding"

_WIDTHS = (240, 320, 400, 480, 560, 640, 800, 960)

_FRAMES_BETWEEN_TRIES = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """Which frame to decode up to, how wide to look at it, and how often to upsample that."""

    frame: int
    width: int
    upsamplings: int


def plan(video: Path, gallery: Gallery, answer: Answer) -> Plan | None:
    """The cheapest look with the right answer; None where no single look has it."""
    for number in count(step=_FRAMES_BETWEEN_TRIES):
        frame = _frame(video, number)
        if frame is None:
            return None
        widths = [(width, 0) for width in _WIDTHS if width < frame.width]
        for width, upsamplings in [*widths, (frame.width, 0), (frame.width, 1)]:
            tried = Plan(number, width, upsamplings)
            if _seen(frame, tried, gallery) == answer.name:
                return tried
    return None


def recognise(video: Path, gallery: Gallery, planned: Plan) -> Answer:
    """Recognise the face in the planned frame."""
    frame = _frame(video, planned.frame)
    name = frame and _seen(frame, planned, gallery)
    return Answer("known", name) if name else Answer("no_face")


def _frame(video: Path, number: int) -> Frame | None:
    with opened(video) as file:
        return next(islice(file.frames(lambda: 0.0), number, None), None)


def _seen(frame: Frame, planned: Plan, gallery: Gallery) -> str | None:
    scale = frame.width / planned.width
    found = detector().find(frame.rgb(planned.width))
    faces = [face.scaled(scale) for face in found[:1]]
    for embedding in engine_of(gallery).encode(frame, faces):
        for match in gallery.matches(embedding, DEFAULTS.tolerance):
            return match.name
    return None
