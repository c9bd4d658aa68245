"""The memory of a large school: found, opened, and how large it is; unknown faces grouped."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from bench import evidence, school
from bench.report.row import Part, Row, Target, WrongAnswer
from bench.rounds import Rounds
from hybridsphere.memory.face import Face, NewFace
from hybridsphere.memory.memory import Memory, memory_path
from hybridsphere.memory.video import Scene, Video

FACES = 1_000_000

GROUPED = 10_000
"""Unknown faces that are grouped one by one."""

PEOPLE = 1_000
_DAYS = 200
_A_VIDEO = 10
_LOOKS = 4
_JPEG_BYTES = 5_000
"""Size of a picture of a face, on average in the demo's clips."""

_SAMPLE = 500
"""Videos that are taken whole, to find the size on disk."""

_FINDS = 50
_PAGE = 50

_FIND = Target(50, "figure")
_OPEN = Target(3, "figure")
_GROUP = Target(5, "figure")


def measure(
    scratch: Path,
    faces: int = FACES,
    grouped: int = GROUPED,
    *,
    uploads: int = school.UPLOADS,
    messages: int = evidence.MESSAGES,
    rounds: Rounds,
    report: Callable[[str], None],
) -> Part:
    """Measure one memory with many rows, and others with whole faces.

    Raises WrongAnswer if a search finds other faces than were written.
    """
    with TemporaryDirectory(dir=scratch) as name:
        folder = _folder(Path(name) / "large")
        fill(folder, faces)
        opened, found = [], []
        for _ in rounds.within(30):
            opened.append(_timed(lambda: Memory.open(folder).close()))
            found.append(_find(folder))
        report(f"{faces:,} faces: found in {max(found) * 1000:.1f} ms")
        past = _folder(Path(name) / "past")
        fill(past, faces // 10)
        sample = _folder(Path(name) / "sample")
        taken = _take(sample, _SAMPLE)
        bytes_a_face = memory_path(sample).stat().st_size / (_SAMPLE * _A_VIDEO)
        named = school.named_row(past)
        report(f"{named.what}: {named.ours:.2f} s")
        migrated = list(school.migrated_rows(Path(name) / "ledger", uploads))
        beside = list(evidence.rows(scratch, messages, rounds=rounds))
        group_s = _group(_folder(Path(name) / "groups"), grouped)
        report(f"{grouped:,} unknown faces grouped in {group_s:.1f} s")
    return Part(
        name="memory",
        title=f"The memory with {faces:,} faces",
        usual_way="nothing is remembered; for the bridge, results without faces",
        least_way="",
        rows=[
            Row(
                "find by person and date, the slowest of 50",
                "ms",
                None,
                median(found) * 1000,
                target=_FIND,
            ),
            Row("open", "s", None, median(opened), target=_OPEN),
            Row("one video with 10 faces kept: CPU time", "ms", None, taken * 1000),
            Row(
                f"size on disk, {_LOOKS} looks and {_JPEG_BYTES:,} bytes of picture a face",
                "KB a face",
                None,
                bytes_a_face / 1000,
            ),
            Row(
                f"{grouped:,} unknown faces grouped as they come: CPU time",
                "s",
                None,
                group_s,
                target=_GROUP,
            ),
            named,
            *migrated,
            *beside,
        ],
        notes=["The large memory has rows and indices alone: a search reads no picture."],
    )


def fill(folder: Path, faces: int) -> None:
    """Write rows of videos and faces, each of one of `PEOPLE` or unknown, over `_DAYS` days."""
    drawn = random.Random(1)
    with Memory.open(folder) as memory, memory.transaction():
        connection = memory._connection  # noqa: SLF001 - a million rows by `take` are minutes
        connection.executemany(
            """INSERT INTO videos VALUES (?, 'b', ?, 'v', ?, 1, 'attendance', 'yunet-sface', 'd',
            0.5, 0.6, NULL, 0, ?, NULL, 0)""",
            (
                (number, f"{number}.mp4", *[_day(number, faces)] * 2)
                for number in range(1, faces // _A_VIDEO + 1)
            ),
        )
        connection.executemany(
            """INSERT INTO faces (video, number, at, seen_at, "left", top, "right", bottom, spans,
            best_ms, size_px, looks, name, certainty)
            VALUES (?, ?, ?, ?, 0.1, 0.1, 0.2, 0.2, '[[0,1000]]', 0, 96, 4, ?, 'sure')""",
            (
                (
                    1 + face // _A_VIDEO,
                    face % _A_VIDEO,
                    *[_day(1 + face // _A_VIDEO, faces)] * 2,
                    _person(drawn.randrange(PEOPLE + PEOPLE // 10)),
                )
                for face in range(faces)
            ),
        )


def _person(number: int) -> str | None:
    return f"person {number}" if number < PEOPLE else None


def _day(video: int, faces: int) -> str:
    day = (video - 1) * _A_VIDEO * _DAYS // faces
    return f"2026-{1 + day // 28:02}-{1 + day % 28:02}T08:00:00.000Z"


def _find(folder: Path) -> float:
    """Return the longest time of a search by person and date, in seconds."""
    longest = 0.0
    with Memory.read(folder) as memory:
        for number in range(_FINDS):
            person = f"person {number * 7 % PEOPLE}" if number % 10 else ""
            began = time.perf_counter()
            found = memory.find(person=person, since="2026-02", until="2026-06", most=_PAGE)
            longest = max(longest, time.perf_counter() - began)
            if {one.name for one in found} != {person or None}:
                raise WrongAnswer(f"{person!r}: {len(found)} faces found")
    return longest


def _take(folder: Path, videos: int) -> float:
    """Keep whole faces; returns the CPU time a video, in seconds."""
    drawn = np.random.default_rng(1)
    kept = [_faces(drawn, _A_VIDEO, known=True) for _ in range(videos)]
    began = time.process_time()
    _keep(folder, kept)
    return (time.process_time() - began) / videos


def _group(folder: Path, faces: int) -> float:
    """Keep unknown faces of many people, each seen about ten times; returns the CPU time."""
    drawn = np.random.default_rng(2)
    people = drawn.normal(0, 1, (max(1, faces // 10), 128))
    people *= 0.556 / np.linalg.norm(people, axis=1, keepdims=True)
    kept = []
    for start in range(0, faces, _A_VIDEO):
        chosen = drawn.choice(len(people), min(_A_VIDEO, faces - start), replace=True)
        kept.append(_faces(drawn, len(chosen), centres=people[chosen]))
    began = time.process_time()
    _keep(folder, kept)
    return time.process_time() - began


def _keep(folder: Path, videos: Sequence[Sequence[NewFace]]) -> None:
    video = Video(
        "b", "", "v", "2026-11-21T08:00:00.000Z", 1, "attendance", "yunet-sface", "d", 0.556, 0.6
    )
    with Memory.open(folder) as memory:
        for start in range(0, len(videos), 16):
            with memory.transaction():
                for number, faces in enumerate(videos[start : start + 16], start):
                    one = replace(video, key=f"{number}.mp4")
                    memory.take(one, faces, Scene(0, bytes(_JPEG_BYTES)))
        memory.shorten_wal()


def _faces(
    drawn: np.random.Generator,
    count: int,
    *,
    known: bool = False,
    centres: np.ndarray | None = None,
) -> list[NewFace]:
    if centres is None:
        centres = drawn.normal(0, 0.05, (count, 128))
    return [_face(drawn, number, known, centres[number]) for number in range(count)]


def _face(drawn: np.random.Generator, number: int, known: bool, centre: np.ndarray) -> NewFace:
    looks = (centre + drawn.normal(0, 0.01, (_LOOKS, 128))).astype(np.float16)
    face = Face(
        number=number,
        box=(0.1, 0.1, 0.2, 0.2),
        spans=((0, 1000),),
        best_ms=0,
        size_px=96,
        looks=_LOOKS,
        name=f"person {number}" if known else None,
        distance=0.2 if known else None,
        runner_up=None,
        runner_up_distance=None,
        certainty="sure" if known else "unknown",
    )
    picture = drawn.integers(0, 256, _JPEG_BYTES, np.uint8).tobytes()
    return NewFace(face, looks, picture, tuple(range(_LOOKS)))


def _folder(folder: Path) -> Path:
    memory_path(folder).parent.mkdir(parents=True)
    return folder


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
