"""The part of the bench: both engines beside plain face_recognition, in one run."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import process
from bench.recognition.distances import picture
from bench.recognition.measured import Measured, heads_of, measure_way
from bench.recognition.people import People, held_out
from bench.recognition.questions import Tally
from bench.recognition.tables import tables
from bench.recognition.ways import Ours, Plain, Way
from bench.report.row import Part, Row, Target
from bench.rounds import Rounds
from hybridsphere.recognition.space import ENGINES, YUNET_SFACE

JSON, PICTURE = "recognition.json", "recognition.svg"
"""The files that the part leaves, for `bench.page`."""

# The small size that must be found.
_SMALL = 20

_RIGHT = Target(98.2, "figure")
_STRANGERS = Target(2.7, "figure")
_FOUND = Target(97, "figure")


def measure(faces: Path, out: Path, *, rounds: Rounds, report: Callable[[str], None]) -> Part:
    """Measure on the held-out half of a folder of faces; write tables and a picture to `out`.

    Raises OSError if the folder lacks something, and OutOfTime.
    """
    people = held_out(faces)
    heads, turned = heads_of(people, rounds.check)
    ways: list[Way] = [Plain(), *(Ours(name) for name in ENGINES)]
    measured = []
    for way in ways:
        measured.append(measure_way(way, people, heads, turned, rounds.check))
        report(f"{way.name}: {_share(measured[-1].answers.three_photos):.1f} % right")
    figures = {
        **process.provenance("python -m bench recognition --faces DIR"),
        "tables": tables(measured),
    }
    (out / JSON).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (out / PICTURE).write_text(
        picture({one.name: one.kinds for one in measured[1:]}), encoding="utf-8"
    )
    usual, *engines = measured
    return Part(
        name="recognition",
        title="Recognition of people on whom nothing was tuned, at the default tolerance",
        usual_way="face_recognition as it is, the nearest known face within 0.6",
        rows=[row for one in engines for row in _rows(usual, one)],
        notes=[f"{_numbers(people)}; docs/recognition.md has all figures."],
    )


def unmeasured() -> Part:
    """Return the part without a folder of faces."""
    row = Row("recognition", "", None, None, remark="not measured: --faces names no folder")
    return Part("recognition", "Recognition", "not measured", [row])


def _rows(usual: Measured, ours: Measured) -> Iterator[Row]:
    judged = ours.name == YUNET_SFACE

    def row(what: str, unit: str, figure: Callable[[Measured], float], **more: object) -> Row:
        return Row(f"{ours.name}: {what}", unit, figure(usual), figure(ours), **more)  # type: ignore[arg-type]

    yield row(
        "right names, three photos each",
        "%",
        lambda one: _share(one.answers.three_photos),
        more_is_better=True,
        target=_RIGHT if judged else None,
    )
    yield row(
        "strangers with a name",
        "%",
        lambda one: 100 - _share(one.answers.strangers),
        target=_STRANGERS if judged else None,
    )
    yield row(
        f"faces of {_SMALL} pixels found",
        "%",
        lambda one: 100 * one.sizes[_SMALL],
        more_is_better=True,
        target=_FOUND if judged else None,
    )
    yield row("a face", "ms", lambda one: one.face_ms)
    yield row("a frame", "ms", lambda one: one.frame_ms)


def _numbers(people: People) -> str:
    known, strangers = len(people.known), len(people.strangers)
    return f"{known} people, {strangers} strangers and {len(people.group)} East Asian people"


def _share(tally: Tally) -> float:
    return 100 * tally.right / tally.asked
