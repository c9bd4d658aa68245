"""Attendance: how many seconds of a video with a class in it one second of one core deals with."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import av
import numpy as np

from bench import our_videos, process
from bench.films import ATTENDING, FPS, class_film
from bench.reference import face_recognition
from bench.rounds import Rounds
from bench.row import Part, Row, Target, WrongAnswer
from bench.usual_videos import Pixels, nearest
from bench.videos import demo_gallery
from lambda_fn.gallery import Gallery

_TARGET = Target(5, "figure")

_SECONDS = 12.0

_SECONDS_A_WAY = 25

_USUAL_FRAMES = 8
"""Frames that the usual way is given: each costs it the same, and a second of them too long."""


def measure(
    seconds: float = _SECONDS,
    usual_frames: int = _USUAL_FRAMES,
    *,
    rounds: Rounds,
    report: Callable[[str], None],
) -> Part:
    """A class of four in 720p. Raises WrongAnswer unless ours names all of them and nobody else."""
    gallery = demo_gallery()
    with TemporaryDirectory() as folder:
        film = class_film(seconds).shoot(Path(folder))
        check(film, gallery)
        usual_s = _cpu_s(lambda: usual(film, gallery, usual_frames))
        our_s = _median_s(lambda: our_videos.attendance(film, gallery), rounds)
        least_s = _median_s(lambda: _decode(film), rounds)
    report(f"attendance: {seconds / our_s:.1f} times real time")
    return Part(
        name="attendance",
        title=f"Attendance: four people in {seconds:g} s of 720p, {FPS} frames a second, one core",
        usual_way=f"every frame searched in full size and encoded; the first {usual_frames} timed",
        least_way="every frame decoded, and not looked at",
        rows=[
            Row(
                "speed",
                "× real time",
                usual_frames / FPS / usual_s,
                seconds / our_s,
                seconds / least_s,
                more_is_better=True,
                target=_TARGET,
            )
        ],
        notes=["Ours names all four and nobody else."],
    )


def usual(film: Path, gallery: Gallery, frames: int) -> set[str]:
    """Who is in the first frames, each of them searched by itself."""
    names: set[str] = set()
    for pixels in _frames(film, frames):
        for face in face_recognition.face_encodings(pixels):
            if name := nearest(face, gallery, our_videos.DEFAULTS.tolerance):
                names.add(name)
    return names


def check(film: Path, gallery: Gallery) -> None:
    """Raises WrongAnswer unless ours names the class of a film, and nobody else."""
    found = {one.best.name for one in our_videos.attendance(film, gallery).people}
    if found != set(ATTENDING):
        raise WrongAnswer(f"attendance: {sorted(found)} instead of {sorted(ATTENDING)}")


def _frames(film: Path, most: int | None) -> Iterator[Pixels]:
    with av.open(film) as container:
        for frame in islice(container.decode(video=0), most):
            yield np.ascontiguousarray(frame.to_ndarray(format="rgb24"), np.uint8)


def _decode(film: Path) -> None:
    with av.open(film) as container:
        for _ in container.decode(video=0):
            pass


def _median_s(work: Callable[[], object], rounds: Rounds) -> float:
    return median(_cpu_s(work) for _ in rounds.within(_SECONDS_A_WAY))


def _cpu_s(work: Callable[[], object]) -> float:
    started_s = process.own_cpu_seconds()
    work()
    return process.own_cpu_seconds() - started_s
