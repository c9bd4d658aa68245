"""One face against all known ones."""

import time
from collections.abc import Callable
from functools import partial
from statistics import median

import face_recognition
import numpy as np

from bench.report.row import Part, Row, Target, WrongAnswer
from bench.rounds import Rounds
from bench.ways.our_videos import DEFAULTS
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.space import EMBEDDING_SIZE, Embeddings

SIZES = (1_000, 100_000)

_SECONDS_A_SIZE = 15

_TARGET = Target(1.5, "least")

# The shorter comparison takes microseconds. Both are repeated for this time and averaged, in turns,
# so that a busy machine slows both alike.
_REPEATED_S = 0.02
_TURNS = 10


def measure(
    sizes: tuple[int, ...] = SIZES, *, rounds: Rounds, report: Callable[[str], None]
) -> Part:
    """One face against galleries of these sizes. Raises WrongAnswer unless all ways find it."""
    rows = []
    for size in sizes:
        row = _row(size, rounds)
        report(f"{row.what}: {row.ours:.3g} ms")
        rows.append(row)
    return Part(
        name="gallery",
        title="One face against all known ones, CPU time on one core",
        usual_way="compare_faces in a loop over the names",
        least_way="the matrix of embeddings read once, row by row, by one product with the face",
        rows=rows,
        notes=[
            "All find the same person. The matrix is that of 32-bit numbers, however ours is.",
            "Ours lies column by column, which is read faster.",
        ],
    )


def drawn(size: int) -> tuple[Gallery, Embeddings]:
    """A gallery of random faces, and a face near to the one in its middle.

    They lie about as far apart as strangers' do, so that a search has nobody else to sort.
    """
    generator = np.random.default_rng(1)
    rows = generator.normal(scale=0.09, size=(size, EMBEDDING_SIZE))
    face = rows[size // 2] + generator.normal(scale=0.02, size=EMBEDDING_SIZE)
    return Gallery([f"person_{number:06d}" for number in range(size)], rows), face


def usual(gallery: Gallery, face: Embeddings) -> list[str]:
    """Compare the face with one known face after another."""
    return [
        name
        for name, row in gallery.items()
        if face_recognition.compare_faces([row], face, DEFAULTS.tolerance)[0]
    ]


def ours(gallery: Gallery, face: Embeddings) -> list[str]:
    return [match.name for match in gallery.matches(face, DEFAULTS.tolerance)]


def _row(size: int, rounds: Rounds) -> Row:
    gallery, face = drawn(size)
    found = usual(gallery, face), ours(gallery, face)
    if found[0] != found[1] or len(found[1]) != 1:
        raise WrongAnswer(f"of {size} faces the usual way finds {found[0]}, ours {found[1]}")
    matrix, vector = gallery.embeddings.astype(np.float32), face.astype(np.float32)
    times: dict[str, list[float]] = {"usual": [], "ours": [], "least": []}
    for _ in rounds.within(_SECONDS_A_SIZE):
        times["usual"].append(_ms(partial(usual, gallery, face), repeated=False))
        for _ in range(_TURNS):
            times["ours"].append(_ms(partial(ours, gallery, face)))
            times["least"].append(_ms(partial(np.matmul, matrix, vector)))
    medians = {way: median(taken) for way, taken in times.items()}
    return Row(
        f"a gallery of {size:,}",
        "ms",
        medians["usual"],
        medians["ours"],
        medians["least"],
        target=_TARGET,
    )


def _ms(search: Callable[[], object], *, repeated: bool = True) -> float:
    """CPU time of a search, in milliseconds."""
    searches, started_s = 0, time.process_time()
    while True:
        search()
        searches += 1
        taken_s = time.process_time() - started_s
        if not repeated or taken_s > _REPEATED_S:
            return 1000 * taken_s / searches
