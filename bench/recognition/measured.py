"""The figures of one way, all measured on the held-out people."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.recognition import costs
from bench.recognition.conditions import CONDITIONS, altered, subject
from bench.recognition.detection import SIZES, TILTS, TURNED_SIZE, Head, share_found
from bench.recognition.distances import Kind, kinds
from bench.recognition.people import People, pixels_of
from bench.recognition.questions import (
    Answers,
    Embedded,
    Tally,
    answers,
    embedded,
    gallery_of_all,
)
from bench.recognition.ways import Way

_HEADS_OF_ONE = 2
"""Heads of each known person that are searched for: those of one person are found alike."""

Check = Callable[[], None]
"""Runs before each piece of work, and may raise."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of a way.

    - `conditions`: answers for the last photograph of each known person, made worse.
    - `sizes`, `tilts`: shares of faces found, by pixels of height and by degrees.
    - `turned`, `turned_heads`: share found of heads turned to the side, and their number.
    - `face_ms`, `frame_ms`: CPU milliseconds.
    """

    name: str
    answers: Answers
    kinds: list[Kind]
    conditions: dict[str, Tally]
    sizes: dict[int, float]
    tilts: dict[int, float]
    turned: float
    turned_heads: int
    face_ms: float
    frame_ms: float


def heads_of(people: People, check: Check) -> tuple[list[Head], list[Head]]:
    """Return two heads of each known person and one of each stranger, and all turned heads."""
    some = {name: photos[:_HEADS_OF_ONE] for name, photos in people.known.items()}
    more = {name: photos[_HEADS_OF_ONE:] for name, photos in people.known.items()}
    heads = _heads(some | people.strangers, check)
    turned = [head for head in heads + _heads(more | people.group, check) if head.strongly_turned]
    return heads, turned


def _heads(people: dict[str, list[Path]], check: Check) -> list[Head]:
    heads = []
    for photos in people.values():
        check()
        for photo in photos:
            pixels = pixels_of(photo)
            face = subject(pixels)
            if face is not None:
                heads.append(Head(pixels, face))
    return heads


def measure_way(
    way: Way, people: People, heads: list[Head], turned: list[Head], check: Check
) -> Measured:
    """Measure a way. Raises what `check` raises."""
    photos = embedded(way, people, check)
    return Measured(
        name=way.name,
        answers=answers(way, photos),
        kinds=kinds(photos),
        conditions={name: _worse(way, photos, people, name, check) for name in CONDITIONS},
        sizes={size: share_found(way, heads, size, check=check) for size in SIZES},
        tilts={tilt: share_found(way, heads, TURNED_SIZE, tilt, check=check) for tilt in TILTS},
        turned=share_found(way, turned, TURNED_SIZE, check=check),
        turned_heads=len(turned),
        face_ms=costs.face_ms(way, heads[0], check),
        frame_ms=costs.frame_ms(way, heads[0], check),
    )


def _worse(way: Way, photos: Embedded, people: People, condition: str, check: Check) -> Tally:
    """Ask for the last photograph of each person, altered; their others are enrolled."""
    gallery, tally = gallery_of_all(way, photos), Tally()
    for name, files in people.known.items():
        check()
        pixels = pixels_of(files[-1])
        face = subject(pixels)
        look = way.asked(altered(pixels, face, CONDITIONS[condition])) if face else None
        tally.count(name, way.answer(gallery, look))
    return tally
