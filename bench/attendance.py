"""Attendance: how many seconds of a video with a class in it one second of one core deals with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import av
import face_recognition
import numpy as np

from bench import process
from bench.films import ATTENDING, FPS, class_film
from bench.report.row import Part, Row, Target, WrongAnswer
from bench.rounds import Rounds
from bench.videos import demo_gallery
from bench.ways import our_videos
from bench.ways.usual_videos import nearest
from hybridsphere.recognition.gallery import Gallery

_TARGET = Target(15, "figure")

_SECONDS = 12.0

_SECONDS_A_WAY = 25

_USUAL_FRAMES = 8
"""Frames that the usual way searches: each costs it the same, and a second of them too long."""


@dataclass(frozen=True, slots=True)
class Searched:
    """The people that the usual way saw, and the CPU time of one frame's search."""

    names: set[str]
    frame_s: float


def measure(
    seconds: float = _SECONDS,
    usual_frames: int = _USUAL_FRAMES,
    *,
    rounds: Rounds,
    report: Callable[[str], None],
) -> Part:
    """A class of three known people and a stranger in 720p.

    Raises WrongAnswer unless both ways name all of them and nobody else, ours in every round.
    """
    gallery = demo_gallery()

    def our_way() -> None:
        check("ours", {one.best.name for one in our_videos.attendance(film, gallery).people})

    with TemporaryDirectory() as folder:
        film = class_film(seconds).shoot(Path(folder))
        searched = usual(film, gallery, usual_frames)
        check("the usual way", searched.names)
        our_way()  # Not counted: models are loaded with the first use.
        our_s = _median_s(our_way, rounds)
        least_s = _median_s(lambda: _decode(film), rounds)
        usual_s = least_s + searched.frame_s * seconds * FPS
    report(f"attendance: {seconds / our_s:.1f} times real time")
    return Part(
        name="attendance",
        title=f"Attendance: four people in {seconds:g} s of 720p, {FPS} frames a second, one core",
        usual_way=(
            "every frame decoded, searched in full size, and each face encoded; the search is timed"
            f" on {usual_frames} frames from all of the film, and counted for each"
        ),
        least_way="every frame decoded, and not looked at",
        rows=[
            Row(
                "speed",
                "× real time",
                seconds / usual_s,
                seconds / our_s,
                seconds / least_s,
                more_is_better=True,
                target=_TARGET,
            )
        ],
        notes=["Both name the three known people and nobody else."],
    )


def usual(film: Path, gallery: Gallery, frames: int) -> Searched:
    """Search single frames, one from the middle of each equal part of a film."""
    names: set[str] = set()
    searched_s = 0.0
    with av.open(film) as container:
        step = container.streams.video[0].frames / frames
        wanted = {int(step * (number + 0.5)) for number in range(frames)}
        for number, frame in enumerate(container.decode(video=0)):
            if number in wanted:
                pixels = np.ascontiguousarray(frame.to_ndarray(format="rgb24"), np.uint8)
                began_s = process.own_cpu_seconds()
                for face in face_recognition.face_encodings(pixels):
                    if name := nearest(face, gallery, our_videos.DEFAULTS.tolerance):
                        names.add(name)
                searched_s += process.own_cpu_seconds() - began_s
    return Searched(names, searched_s / frames)


def check(way: str, names: set[str]) -> None:
    """Raises WrongAnswer unless a way names the class of the film, and nobody else."""
    if names != set(ATTENDING):
        raise WrongAnswer(f"attendance: {way} names {sorted(names)}, not {sorted(ATTENDING)}")


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
