"""`hybridsphere gallery check`: does recognition work for these people?"""

from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

from hybridsphere.console import printable
from hybridsphere.errors import CannotRun
from hybridsphere.files import write_whole
from hybridsphere.recognition.check import GalleryCheck, check
from hybridsphere.recognition.gallery import Gallery, GalleryError
from hybridsphere.recognition.space import TOLERANCE
from lambda_fn.enroll import enroll

_WIDTH, _HEIGHT, _MARGIN = 640, 260, 40
_BINS = np.arange(0.0, 1.225, 0.025)


def check_gallery(
    file: Path,
    *,
    strangers: Path | None,
    tolerance: float,
    picture: Path | None,
    report: Callable[[str], None],
) -> Iterator[str]:
    """Check a gallery and yield the findings as lines; draw its distances into `picture`.

    `strangers` is a folder of photographs of people who are not in the gallery. Raises CannotRun.
    """
    try:
        gallery = Gallery.load(file)
        if not len(gallery):
            raise CannotRun(f"{file}: nobody is enrolled in it")
        foreign = _enrolled(strangers, gallery, report) if strangers else None
        checked = check(gallery, foreign, tolerance)
        if picture:
            write_whole(picture, _svg(checked, tolerance))
    except (GalleryError, OSError) as error:
        raise CannotRun(str(error)) from error
    yield from _lines(checked, tolerance, own_strangers=foreign is None)


def _enrolled(strangers: Path, gallery: Gallery, report: Callable[[str], None]) -> Gallery:
    """Return the embeddings of strangers, made by the gallery's engine."""
    both = enroll(strangers, report=report, known=gallery)
    rows = both.embeddings[len(gallery) :]
    return Gallery(both.names[len(gallery) :], rows, gallery.space)


def _lines(checked: GalleryCheck, tolerance: float, *, own_strangers: bool) -> Iterator[str]:
    known, foreign = checked.known, checked.strangers
    yield f"{checked.people} people, tolerance {tolerance:g}"
    if known.asked:
        yield (
            f"known faces: {known.right} of {known.asked} right, {known.wrong} wrong, "
            f"{known.unknown} not recognised"
        )
    who = "each person as a stranger to the others" if own_strangers else "strangers"
    yield f"{who}: {foreign.wrong} of {foreign.asked} faces got a name"
    if checked.nearest:
        pair = checked.nearest[0]
        yield (
            f"nearest pair: {printable(pair.one)} and {printable(pair.other)}, {pair.distance:.2f}"
        )
    for name, reason in checked.at_risk.items():
        yield f"at risk: {printable(name)}: {printable(reason)}"
    if checked.single:
        single = len(checked.single)
        yield (
            f"one photograph only, so not checked as known: {single} "
            f"{'person' if single == 1 else 'people'}; "
            "three photographs each make recognition surer"
        )
    if checked.advised is None:
        yield "no advice on the tolerance: ten people with several photographs each are needed"
    elif checked.advised < TOLERANCE:
        yield f"advice: set HYBRIDSPHERE_TOLERANCE to {checked.advised:g}"
    else:
        yield f"advice: the default tolerance of {TOLERANCE:g} suits these people"


def _svg(checked: GalleryCheck, tolerance: float) -> str:
    """Draw the distances of the same and of different people as two histograms."""
    title = "Distance of each photograph to the nearest one of the same and of another person"
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'role="img" font-family="sans-serif" font-size="12"><title>{escape(title)}</title>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
    )
    parts = [start]
    for values, colour, label, row in (
        (checked.same, "#2f6feb", "same person", 0),
        (checked.different, "#d05f6f", "another person", 1),
    ):
        parts += _bars(values, colour)
        parts.append(f'<text x="{_MARGIN}" y="{18 + 16 * row}" fill="{colour}">{label}</text>')
    line = _x(tolerance)
    parts.append(
        f'<path d="M{line:.1f} 20V{_HEIGHT - _MARGIN}" stroke="#1f2328" stroke-dasharray="4"/>'
        f'<text x="{line + 4:.1f}" y="30" fill="#1f2328">tolerance {tolerance:g}</text>'
    )
    parts += [
        f'<text x="{_x(at):.1f}" y="{_HEIGHT - 20}" text-anchor="middle">{at:.1f}</text>'
        for at in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2)
    ]
    return "".join([*parts, "</svg>\n"])


def _bars(values: npt.NDArray[np.float64], colour: str) -> Iterator[str]:
    counts, _ = np.histogram(values, _BINS)
    high = (_HEIGHT - 2 * _MARGIN) / max(1, int(counts.max(initial=1)))
    for start, count in zip(_BINS, counts, strict=False):
        if count:
            left, top = _x(float(start)), _HEIGHT - _MARGIN - count * high
            yield (
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{_x(0.025) - _x(0):.1f}" '
                f'height="{count * high:.1f}" fill="{colour}" fill-opacity="0.6"/>'
            )


def _x(distance: float) -> float:
    return _MARGIN + distance / float(_BINS[-1]) * (_WIDTH - 2 * _MARGIN)
