"""The CPU time of a face and of a frame, models loaded."""

import time
from collections.abc import Callable
from statistics import median

from bench.recognition.detection import Head, scenes
from bench.recognition.ways import Way

_REPEATS = 9

_FRAME_SIZE = 90
"""Height of the face in the frame, in pixels."""


def face_ms(way: Way, head: Head, check: Callable[[], None]) -> float:
    """Return the milliseconds of one face's alignment and embedding."""
    # A copy each time: an encoder may keep what it found in a picture.
    return _ms(lambda: way.encoded(head.pixels.copy(), head.face), check)


def frame_ms(way: Way, head: Head, check: Callable[[], None]) -> float:
    """Return the milliseconds of one look for faces at a frame of 1280x720."""
    [scene] = scenes([head], _FRAME_SIZE)
    return _ms(lambda: way.seen(scene.pixels), check)


def _ms(work: Callable[[], object], check: Callable[[], None]) -> float:
    work()
    taken = []
    for _ in range(_REPEATS):
        check()
        began_s = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - began_s))
    return median(taken)
