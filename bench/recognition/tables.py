"""The figures of all ways as tables."""

from collections.abc import Callable, Iterator, Sequence

from bench.recognition.detection import TURNED_SIZE
from bench.recognition.distances import share_within
from bench.recognition.measured import Measured
from bench.recognition.questions import Answers, Tally
from bench.report.markdown import Table

_KNOWN: dict[str, Callable[[Answers], Tally]] = {
    "three photos each": lambda answers: answers.three_photos,
    "one photo each": lambda answers: answers.one_photo,
    "a class of ten East Asian people": lambda answers: answers.group,
}
_STRANGERS: dict[str, Callable[[Answers], Tally]] = {
    "strangers": lambda answers: answers.strangers,
    "East Asian strangers": lambda answers: answers.strangers_of_group,
    "strangers to that class": lambda answers: answers.strangers_to_group,
}


def tables(ways: Sequence[Measured]) -> list[Table]:
    """Return the tables of all ways, a column each."""
    return [
        _table("Names", ways, _names(ways)),
        _table("Right names under a condition", ways, _conditions(ways)),
        _table("Faces found in frames of 1280x720", ways, _found(ways)),
        _table("CPU time on one core", ways, _costs(ways)),
    ]


def _table(title: str, ways: Sequence[Measured], rows: Iterator[list[str]]) -> Table:
    return {"title": title, "columns": [way.name for way in ways], "rows": list(rows)}


def _names(ways: Sequence[Measured]) -> Iterator[list[str]]:
    for what, of in _KNOWN.items():
        tallies = [of(way.answers) for way in ways]
        cells = [f"{one.right} / {one.wrong} / {one.unknown}" for one in tallies]
        yield [f"{what}: right / wrong / unknown of {tallies[0].asked}", *cells]
    for what, of in _STRANGERS.items():
        tallies = [of(way.answers) for way in ways]
        yield [
            f"{what} with a name, of {tallies[0].asked} looks",
            *(str(one.wrong) for one in tallies),
        ]
    for pairs in zip(*(way.kinds for way in ways), strict=True):
        if not pairs[0].same:
            shares = [f"{share_within(kind.distances):.2%}" for kind in pairs]
            yield [f"pairs of {pairs[0].title} within the tolerance", *shares]


def _conditions(ways: Sequence[Measured]) -> Iterator[list[str]]:
    for condition in ways[0].conditions:
        tallies = [way.conditions[condition] for way in ways]
        cells = [
            f"{one.right} of {one.asked}" + (f", {one.wrong} wrong" if one.wrong else "")
            for one in tallies
        ]
        yield [condition, *cells]


def _found(ways: Sequence[Measured]) -> Iterator[list[str]]:
    for size in ways[0].sizes:
        yield [f"{size} pixels", *(f"{way.sizes[size]:.1%}" for way in ways)]
    for tilt in ways[0].tilts:
        yield [
            f"{TURNED_SIZE} pixels, tilted by {tilt} degrees",
            *(f"{way.tilts[tilt]:.1%}" for way in ways),
        ]
    yield [
        f"{TURNED_SIZE} pixels, {ways[0].turned_heads} heads turned to the side",
        *(f"{way.turned:.1%}" for way in ways),
    ]


def _costs(ways: Sequence[Measured]) -> Iterator[list[str]]:
    yield ["a face: alignment and embedding", *(f"{way.face_ms:.1f} ms" for way in ways)]
    yield ["a look for faces in 1280x720", *(f"{way.frame_ms:.1f} ms" for way in ways)]
