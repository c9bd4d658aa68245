"""The commands about known faces.

They alone import the function's package, which is large: import this module where it is used.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from zipfile import is_zipfile

from hybridsphere.commands.enroll_progress import enroll_progress
from hybridsphere.errors import CannotRun
from hybridsphere.files import naming, obstacle_to
from hybridsphere.recognition.gallery import Gallery, GalleryError, usual_name
from hybridsphere.recognition.lookalikes import concerns, nearest_pairs
from hybridsphere.recognition.space import TOLERANCE
from lambda_fn.enroll import enroll
from lambda_fn.gallery.legacy import import_legacy

_PAIRS_SHOWN = 5


def import_faces(source: Path, output: Path, *, report: Callable[[str], None]) -> int:
    """Make a gallery of the legacy pickle, or of another gallery; return the number of its faces.

    A gallery without faces is reported. Raises CannotRun.
    """
    before = _people_at(output)
    with _failures():
        known = _known_in(source, report)
        if not len(known):
            report(f"{source} has no face: every face will end as unknown_face")
        return _save_over(before, known, output, report)


def add_people(
    photos: Path, output: Path, *, into: Path | None, report: Callable[[str], None]
) -> int:
    """Enroll the people in photos, beside those in `into`; return the number of faces.

    Files that cannot be used and people who look alike are reported. Raises CannotRun.
    """
    before = _people_at(output)
    with _failures():
        known = Gallery.load(into) if into else None
        with enroll_progress(report) as progress:
            enrolled = enroll(photos, report=progress.report, known=known, progress=progress.show)
        for concern in concerns(enrolled, TOLERANCE):
            report(concern)
        return _save_over(before, enrolled, output, report)


def enroll_apart(photos: Path, output: Path, *, report: Callable[[str], None]) -> int:
    """Write a gallery of the people in photos alone; return the number of faces.

    Raises CannotRun.
    """
    with _failures():
        return _save(enroll(photos, report=report), output)


def remove_person(file: Path, name: str) -> int:
    """Remove a person from a gallery; return the number of faces left. Raises CannotRun."""
    with _failures():
        return _save(Gallery.load(file).without(name), file)


def rename_person(
    file: Path, name: str, new: str, *, report: Callable[[str], None]
) -> tuple[str, int]:
    """Give a person of a gallery another name; return it and the number of its faces.

    A person who has that name already is reported. Raises CannotRun.
    """
    with _failures():
        known = Gallery.load(file)
        name, new = usual_name(name), usual_name(new)
        if new in known.names and new != name:
            report(f"{new} is in {file} already: the faces of {name} now belong to that person")
        renamed = known.renamed(name, new)
        _save(renamed, file)
    return new, renamed.names.count(new)


def set_consent(file: Path, name: str, until: date | None) -> None:
    """Set the last day on which a person may be compared with faces, or remove the end.

    Raises CannotRun.
    """
    with _failures():
        _save(Gallery.load(file).with_consent(name, until), file)


def described(file: Path) -> Iterator[str]:
    """List the people in a gallery, the number of their faces, and the pairs who look most alike.

    Raises CannotRun.
    """
    with _failures():
        known = Gallery.load(file)
    faces = Counter(known.names)
    yield f"{len(faces)} people, {len(known)} faces"
    for name, count in sorted(faces.items()):
        until = known.consents.get(name)
        yield f"{count:6}  {name}" + (f"  (consent until {until})" if until else "")
    for pair in nearest_pairs(known, _PAIRS_SHOWN):
        yield f"{pair.distance:6.2f}  between {pair.one} and {pair.other}"


def _people_at(output: Path) -> set[str]:
    """List the people in the gallery or pickle that is about to be replaced.

    Raises CannotRun, before all the work, if the gallery could not be written, or would replace a
    file that holds something else.
    """
    if obstacle := obstacle_to(output):
        raise CannotRun(f"{output}: {obstacle}")
    if not output.exists():
        return set()
    # Reading a pipe or a device would not end, and replacing it would remove it.
    if output.is_file():
        if not output.stat().st_size:
            return set()
        with suppress(GalleryError):
            return set(_known_in(output, lambda _: None).names)
    raise CannotRun(f"{output} is not a gallery, and stays as it is", hint="name another file")


def _known_in(file: Path, report: Callable[[str], None]) -> Gallery:
    """Read a gallery or a legacy pickle. Raises GalleryError and OSError."""
    return Gallery.load(file) if is_zipfile(file) else import_legacy(file, report)


def _save_over(
    before: set[str], known: Gallery, output: Path, report: Callable[[str], None]
) -> int:
    """Save a gallery, and report people of the replaced one who are not in the new one."""
    count = _save(known, output)
    if gone := before - set(known.names):
        report(
            f"replaced {output}, which knew {len(before)} people; {len(gone)} of them are not in "
            "the new gallery: `hybridsphere gallery add` keeps them"
        )
    return count


def _save(known: Gallery, output: Path) -> int:
    with naming(output):
        known.save(output)
    return len(known)


@contextmanager
def _failures() -> Iterator[None]:
    """Turn the errors of galleries and files into CannotRun."""
    try:
        yield
    except (GalleryError, OSError) as error:
        hint = error.hint if isinstance(error, GalleryError) else ""
        raise CannotRun(str(error), hint=hint) from error
