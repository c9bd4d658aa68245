"""Many videos decided again by the looks that are kept of their faces."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from bench.report.row import Part, Row, Target, WrongAnswer
from bench.rounds import Rounds
from hybridsphere.commands.decide.command import find_difference
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.memory.face import Face, NewFace
from hybridsphere.memory.memory import Memory
from hybridsphere.memory.taking import take
from hybridsphere.memory.video import Video
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.space import EMBEDDING_SIZE, Embeddings, Space

VIDEOS = 10_000

PEOPLE = 300
"""People in the gallery, with three photographs each."""

_FACES = 3
_LOOKS = 4

_TARGET = Target(10, "figure")

_SECONDS = 60

_SPACE = Space("yunet-sface", "0" * 64, 0.556)
_SEEN_AT = "2026-11-21T00:00:00.000Z"


def measure(
    scratch: Path, videos: int = VIDEOS, *, rounds: Rounds, report: Callable[[str], None]
) -> Part:
    """Decide the videos, two known people and a stranger in each.

    Raises WrongAnswer unless the known faces get names, and the strangers none.
    """
    gallery = drawn(PEOPLE)
    with TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        keep(folder, gallery, videos)
        with Memory.read(folder) as memory, Ledger.read(folder) as ledger:
            taken = []
            for _ in rounds.within(_SECONDS):
                began = time.process_time()
                found = find_difference(memory, ledger, gallery, None, "")
                taken.append(time.process_time() - began)
                if found.kinds != {"unknown → named": 2 * videos}:
                    raise WrongAnswer(f"of {2 * videos} known faces: {dict(found.kinds)}")
    seconds = median(taken)
    report(f"{videos:,} videos decided again: {seconds:.2f} s")
    what = f"{videos:,} videos, {_FACES} faces with {_LOOKS} looks each"
    return Part(
        name="decide",
        title=f"Videos decided again against {PEOPLE} people, CPU time on one core",
        usual_way="each video decoded and searched again: see `videos`",
        least_way="",
        rows=[Row(what, "s", None, seconds, target=_TARGET)],
        notes=["The looks are read from the memory's file; nothing is decoded or invoked."],
    )


def drawn(people: int) -> Gallery:
    """Draw a gallery of people who lie as far apart as strangers do."""
    generator = np.random.default_rng(1)
    faces = generator.normal(scale=0.055, size=(people, EMBEDDING_SIZE)).repeat(3, axis=0)
    rows = faces + generator.normal(scale=0.015, size=faces.shape)
    return Gallery([f"person_{row // 3:04d}" for row in range(len(rows))], rows, _SPACE)


def keep(folder: Path, gallery: Gallery, videos: int) -> None:
    """Keep videos of known people and strangers, none of whom has a name yet."""
    generator = np.random.default_rng(2)
    ledger_path(folder).parent.mkdir()
    Ledger.open(folder).close()
    with Memory.open(folder) as memory, memory.transaction():
        for number in range(videos):
            rows = generator.integers(len(gallery), size=_FACES - 1)
            stranger = generator.normal(scale=0.055, size=EMBEDDING_SIZE)
            faces = [
                _face(place, center + generator.normal(scale=0.02, size=(_LOOKS, EMBEDDING_SIZE)))
                for place, center in enumerate([*gallery.embeddings[rows], stranger])
            ]
            # Without the grouping of strangers, which is measured elsewhere.
            take(memory._connection, _video(number), faces, None, _SEEN_AT)  # noqa: SLF001


def _video(number: int) -> Video:
    space = (_SPACE.engine, _SPACE.digest, _SPACE.scale)
    name = ("videos", f"{number}.mp4", f"e{number}", _SEEN_AT)
    return Video(*name, 1, "attendance", *space, 0.6, "another")


def _face(number: int, looks: Embeddings) -> NewFace:
    face = Face(
        number=number,
        box=(0.1, 0.1, 0.2, 0.3),
        spans=((0, 1000),),
        best_ms=0,
        size_px=100,
        looks=len(looks),
        name=None,
        distance=None,
        runner_up=None,
        runner_up_distance=None,
        certainty="unknown",
    )
    return NewFace(face, looks.astype(np.float16), None, tuple(range(len(looks))))
