"""The commands about known faces.

They alone need the function's own package, and that is large: import this where it is used.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from zipfile import is_zipfile

from hybridsphere.console import printable
from hybridsphere.errors import CannotRun
from hybridsphere.files import naming, obstacle_to
from hybridsphere.recognition.gallery import Gallery, GalleryError
from hybridsphere.recognition.lookalikes import concerns, nearest_pairs
from hybridsphere.recognition.space import TOLERANCE
from lambda_fn.enroll import enroll
from lambda_fn.gallery.legacy import import_legacy

_PAIRS_SHOWN = 5


def import_faces(source: Path, output: Path, *, report: Callable[[str], None]) -> int:
    """Make a gallery of the legacy pickle, or of another gallery; returns how many faces it has.

    That there are none is reported. Raises CannotRun.
    """
    before = _people_at(output)
    with _failures():
        known = _known_in(source)
        if not len(known):
            report(f"{source}: nobody is known in it: every face ends as an unknown_face")
        return _save_over(before, known, output, report)


def add_people(
    photos: Path, output: Path, *, into: Path | None, report: Callable[[str], None]
) -> int:
    """Enrol the people in photos, beside those that `into` has; returns how many faces there are.

    What cannot be used, and who may be mistaken for whom, is reported. Raises CannotRun.
    """
    before = _people_at(output)
    with _failures():
        known = Gallery.load(into) if into else None
        enrolled = enroll(photos, report=report, known=known)
        for concern in concerns(enrolled, TOLERANCE):
            report(concern)
        return _save_over(before, enrolled, output, report)


def remove_person(file: Path, name: str) -> int:
    """Take somebody out of a gallery; returns how many faces are left. Raises CannotRun."""
    with _failures():
        return _save(Gallery.load(file).without(name), file)


def described(file: Path) -> Iterator[str]:
    """Lines: who is in a gallery, with how many faces, and the pairs who look most alike.

    Raises CannotRun.
    """
    with _failures():
        known = Gallery.load(file)
    faces = Counter(known.names)
    yield f"{len(faces)} people, {len(known)} faces"
    for name, count in sorted(faces.items()):
        yield f"{count:6}  {printable(name)}"
    for pair in nearest_pairs(known, _PAIRS_SHOWN):
        yield f"{pair.distance:6.2f}  between {printable(pair.one)} and {printable(pair.other)}"


def _people_at(output: Path) -> set[str]:
    """Who is in the known faces, in either form, that are about to be replaced.

    Raises CannotRun, before all the work, for a gallery that could not be written, and for a file
    that is something else and has something in it.
    """
    if obstacle := obstacle_to(output):
        raise CannotRun(f"{output}: {obstacle}")
    if not output.exists():
        return set()
    # A pipe or a device has no end to be read to, and would be gone.
    if output.is_file():
        if not output.stat().st_size:
            return set()
        with suppress(GalleryError):
            return set(_known_in(output).names)
    raise CannotRun(f"{output} is not a gallery, and stays as it is", hint="name another file")


def _known_in(file: Path) -> Gallery:
    """The known faces in a file of either form. Raises GalleryError and OSError."""
    return Gallery.load(file) if is_zipfile(file) else import_legacy(file)


def _save_over(
    before: set[str], known: Gallery, output: Path, report: Callable[[str], None]
) -> int:
    """Save where another gallery may lie, whose people are not to vanish without a word."""
    count = _save(known, output)
    if gone := before - set(known.names):
        report(
            f"replaced {output}, which knew {len(before)} people, {len(gone)} of whom are in it no "
            "longer; `hybridsphere gallery add` keeps who is there"
        )
    return count


def _save(known: Gallery, output: Path) -> int:
    with naming(output):
        known.save(output)
    return len(known)


@contextmanager
def _failures() -> Iterator[None]:
    """Let a gallery that cannot be read, made or written end a command like everything else."""
    try:
        yield
    except (GalleryError, OSError) as error:
        raise CannotRun(str(error)) from error
