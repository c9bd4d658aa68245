"""Enrollment: a gallery from photographs and clips, `name.jpg` or several in a folder `name`."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from hybridsphere.messages import UnusableName, name_form
from hybridsphere.recognition.gallery import Gallery, GalleryError
from hybridsphere.recognition.rule import rule_of
from hybridsphere.recognition.space import Embeddings
from lambda_fn.faces.engine import Engine, engine_of
from lambda_fn.gallery.picture import Unusable
from lambda_fn.gallery.portrait import KINDS, Portrait, UnknownKind, portraits
from lambda_fn.runtime.settings import wanted_engine


def enroll(
    photos: Path,
    *,
    report: Callable[[str], None],
    known: Gallery | None = None,
    engine: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Gallery:
    """Return a gallery of the people in a folder or a file, added to those of `known`.

    There is one row per file. The engine is that of `known`, else `engine`, else that of the
    environment. `report` gets a line for each file that is left out, and for each face of poor
    quality. `progress` gets the number of finished files and of all files, after each file. Raises
    GalleryError if no file can be used.
    """
    known = known or Gallery.empty()
    enrollment = _Enrollment(photos, engine_of(known, engine or wanted_engine(os.environ)), report)
    files = list(_files(photos, report))
    for done, (name, path) in enumerate(files, 1):
        enrollment.add(name, path)
        progress(done, len(files))
    return known.plus(enrollment.gallery())


class _Enrollment:
    """The faces that were found, and the files that show several."""

    def __init__(self, photos: Path, engine: Engine, report: Callable[[str], None]) -> None:
        self._photos = photos
        self._engine = engine
        self._report = report
        self._names: list[str] = []
        self._rows: list[Embeddings] = []
        self._several: list[tuple[str, Path, list[Portrait]]] = []
        self._has_others = False

    def add(self, name: str, path: Path) -> None:
        """Take a file into account that shows the person of a name."""
        try:
            name = name_form(name)
            found = portraits(path, self._engine)
        except (Unusable, UnusableName) as error:
            self._report(f"{self._shown(path)}: left out: {error}")
            self._has_others |= isinstance(error, UnknownKind)
            return
        if len(found) > 1:
            # The other photographs of the person will show which face it is.
            self._several.append((name, path, found))
        else:
            self._take(name, path, found[0])

    def gallery(self) -> Gallery:
        """Return the gallery of all files. Raises GalleryError without any face."""
        for name, path, found in self._several:
            self._choose(name, path, found)
        if self._has_others:
            self._report(f"the names of photographs and clips end in {KINDS}")
        if not self._names:
            raise GalleryError(
                f"{self._photos}: no usable photograph or clip",
                hint="name each photograph or clip after its person: name.jpg, or name/*.jpg",
            )
        return Gallery(self._names, np.array(self._rows), self._engine.space)

    def _choose(self, name: str, path: Path, found: list[Portrait]) -> None:
        """Take the one face of several that fits the other photographs of the person."""
        others = [row for one, row in zip(self._names, self._rows, strict=True) if one == name]
        near = rule_of(self._engine.space.engine).same_face
        fitting = [
            portrait
            for portrait in found
            if any(np.linalg.norm(portrait.embedding - row) <= near for row in others)
        ]
        if len(fitting) == 1:
            self._take(name, path, fitting[0])
            return
        self._report(
            f"{self._shown(path)}: left out: {len(found)} faces found: crop the photograph to one"
        )

    def _take(self, name: str, path: Path, portrait: Portrait) -> None:
        if portrait.concerns:
            self._report(f"{self._shown(path)}: enrolled, but {', '.join(portrait.concerns)}")
        self._names.append(name)
        self._rows.append(portrait.embedding)

    def _shown(self, path: Path) -> str:
        return path.name if path == self._photos else str(path.relative_to(self._photos))


def _files(photos: Path, report: Callable[[str], None]) -> Iterator[tuple[str, Path]]:
    """Yield each file with the name of its person, except hidden files."""
    if photos.is_file():
        yield photos.stem, photos
        return
    if not photos.is_dir():
        raise GalleryError(
            f"{photos}: not a folder of photographs", hint="name a folder, a photograph or a clip"
        )
    for entry in sorted(photos.iterdir()):
        if entry.name.startswith("."):
            continue
        if not entry.is_dir():
            yield entry.stem, entry
            continue
        try:
            paths = sorted(entry.iterdir())
        except OSError as error:
            report(f"{entry.name}: left out: {error.strerror}")
            continue
        for path in paths:
            if not path.name.startswith("."):
                yield entry.name, path
