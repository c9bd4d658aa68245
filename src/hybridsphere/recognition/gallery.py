"""The gallery: known people and their embeddings, searched by distance."""

import hashlib
import io
import math
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hybridsphere.messages import UnusableName, name_form
from hybridsphere.recognition.fields import (
    OPTIONAL,
    Consents,
    fields_of,
    one_line,
    read_consents,
    read_space,
)
from hybridsphere.recognition.npz import read_arrays, write_arrays
from hybridsphere.recognition.space import DLIB, EMBEDDING_SIZE, TOLERANCE, Embeddings, Space

# Bounds the rounding error of 128 products and sums in 32 bits, in units of the squares.
_ROUGH = 2e-5

# Numbers of embeddings lie within 1; the squares of this bound still fit into 32 bits.
_LARGEST = 1e6

# A person's own limit for dlib: this share of the distance to the nearest other person.
_OWN_SHARE = 0.9

# Faces that are compared with all rows in one product: 30 MB for a gallery of 30,000 rows.
_AT_ONCE = 256

SAME_FACE = TOLERANCE / 2
"""Two people within this distance are one face under two names: docs/recognition.md."""


class GalleryError(ValueError):
    """An unusable gallery; the text is one line with the file and the reason, `hint` the remedy."""

    def __init__(self, reason: str, *, hint: str = "") -> None:
        super().__init__(reason)
        self.hint = hint


_IMPORT = (
    "`hybridsphere gallery import` makes one of a pickle, `hybridsphere enroll` of photographs"
)
_SHOW = "`hybridsphere gallery show` lists the people"


class Match(NamedTuple):
    """A person who resembles a face, with the distance of their nearest embedding."""

    name: str
    distance: float


class Gallery:
    """Names and embeddings of one space, row by row; a person may have several rows.

    `consents` has the last day on which a person may be compared with faces.

    Raises GalleryError unless every row has a name and every number is plausible.
    """

    def __init__(
        self,
        names: Sequence[str],
        embeddings: npt.ArrayLike,
        space: Space = DLIB,
        consents: Consents | None = None,
    ) -> None:
        rows = np.asarray(embeddings)
        if rows.dtype.kind != "f" or rows.shape != (len(names), EMBEDDING_SIZE):
            raise GalleryError(
                f"embeddings are {rows.dtype} {rows.shape}, "
                f"not floats ({len(names)}, {EMBEDDING_SIZE}), a row a name"
            )
        # Written so that NaN fails too.
        if not (np.abs(rows) <= _LARGEST).all():
            raise GalleryError(f"embeddings hold numbers that are not finite, or beyond {_LARGEST}")
        self.names = [usual_name(name) for name in names]
        self.space = space
        known = set(self.names)
        ends = {usual_name(name): day for name, day in (consents or {}).items()}
        self.consents = {name: day for name, day in ends.items() if name in known}
        self.embeddings: Embeddings = rows.astype(np.float64)
        squares = np.einsum("ij,ij->i", self.embeddings, self.embeddings)
        self._largest_square = float(squares.max(initial=0))
        # Half the bytes select the rows that may be near; full precision decides. The last column
        # is added to each product. In column order a thousand rows are read a quarter faster.
        self._rough = np.empty((len(rows), EMBEDDING_SIZE + 1), np.float32, order="F")
        self._rough[:, :-1] = self.embeddings
        self._rough[:, -1] = -squares / 2

    def __len__(self) -> int:
        return len(self.names)

    def items(self) -> list[tuple[str, Embeddings]]:
        """Return each name with its row."""
        return list(zip(self.names, self.embeddings, strict=True))

    @classmethod
    def empty(cls, space: Space = DLIB) -> "Gallery":
        """Return a gallery without people."""
        return cls([], np.empty((0, EMBEDDING_SIZE)), space)

    @classmethod
    def load(cls, path: Path) -> "Gallery":
        """Read a gallery from a `.npz` file. Raises GalleryError."""
        try:
            with path.open("rb") as file:
                return cls.read(file, str(path))
        except OSError as error:
            raise GalleryError(f"{path}: {error.strerror}") from error

    @classmethod
    def read(cls, file: IO[bytes], where: str) -> "Gallery":
        """Read a gallery from an open `.npz`; `where` names it in errors. Raises GalleryError."""
        if not zipfile.is_zipfile(file):
            raise GalleryError(f"{where}: not a gallery", hint=_IMPORT)
        file.seek(0)
        try:
            arrays = read_arrays(file, ("names", "embeddings"), OPTIONAL)
        # A broken or hostile archive can provoke any error in zipfile, zlib, numpy or its parser.
        except Exception as error:
            raise GalleryError(f"{where}: not a gallery: {one_line(error)}") from error
        try:
            names = arrays["names"]
            texts = names.tolist() if names.ndim == 1 else []
            space, consents = read_space(arrays), read_consents(arrays)
            return cls(texts, arrays["embeddings"], space, consents)
        except ValueError as error:
            raise GalleryError(f"{where}: {one_line(error)}") from error

    def save(self, path: Path) -> None:
        """Write the gallery whole as `.npz`, readable by its owner alone. Raises OSError."""
        write_arrays(path, self._arrays())

    def to_bytes(self) -> bytes:
        """Return the content of the gallery's file."""
        content = io.BytesIO()
        np.savez(content, **self._arrays())  # type: ignore[arg-type]
        return content.getvalue()

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        arrays = {"names": np.array(self.names, dtype=str), "embeddings": self.embeddings}
        return arrays | fields_of(self.space, self.consents)

    def plus(self, other: "Gallery") -> "Gallery":
        """Return a gallery of both, without repeated rows. Raises GalleryError for two spaces."""
        if not len(self):
            return other
        if len(other) and other.space != self.space:
            raise GalleryError(
                f"embeddings of {other.space} cannot be compared with those of {self.space}",
                hint="enroll everybody again from the same photographs with one engine",
            )
        rows: dict[tuple[str, bytes], Embeddings] = {}
        for gallery in (self, other):
            for name, row in zip(gallery.names, gallery.embeddings, strict=True):
                rows.setdefault((name, row.tobytes()), row)
        both = self._of([name for name, _ in rows], list(rows.values()))
        return both.with_consents({**self.consents, **other.consents})

    def with_consents(self, consents: Consents) -> "Gallery":
        """Return a gallery with these ends of consents."""
        return Gallery(self.names, self.embeddings, self.space, consents)

    def with_consent(self, name: str, until: date | None) -> "Gallery":
        """Return a gallery with another end of a person's consent, or without an end.

        Raises GalleryError for an unknown name.
        """
        name = self._known(name)
        consents = {one: day for one, day in self.consents.items() if one != name}
        return self.with_consents({**consents, name: until} if until else consents)

    def consenting(self, today: date) -> "Gallery":
        """Return a gallery without the people whose consent has ended before a day."""
        ended = {name for name, last in self.consents.items() if last < today}
        rows = [at for at, name in enumerate(self.names) if name in ended]
        return self.without_rows(rows) if rows else self

    def without(self, name: str) -> "Gallery":
        """Return a gallery without a person. Raises GalleryError for an unknown name."""
        name = self._known(name)
        kept = [row for row, other in enumerate(self.names) if other != name]
        return self._of([self.names[row] for row in kept], list(self.embeddings[kept]))

    def renamed(self, name: str, new: str) -> "Gallery":
        """Return a gallery in which a person has another name.

        The faces join those of a person who has that name already. Raises GalleryError.
        """
        name = self._known(name)
        names = [new if one == name else one for one in self.names]
        consents = {new if one == name else one: day for one, day in self.consents.items()}
        return Gallery(names, self.embeddings, self.space, consents)

    def without_rows(self, rows: Sequence[int]) -> "Gallery":
        """Return a gallery without some embeddings."""
        gone = set(rows)
        kept = [other for other in range(len(self)) if other not in gone]
        return self._of([self.names[other] for other in kept], list(self.embeddings[kept]))

    def matches(self, embedding: Embeddings, within: float) -> list[Match]:
        """Return each person within a distance of a face once, the nearest first."""
        return self._matches(embedding, within, self._perhaps_within(embedding, within))

    def matches_of_many(self, embeddings: Embeddings, within: float) -> list[list[Match]]:
        """Return what `matches` returns for each of some faces, bit for bit, in less time."""
        found: list[list[Match]] = []
        for start in range(0, len(embeddings), _AT_ONCE):
            some = embeddings[start : start + _AT_ONCE]
            faces = np.ones((len(some), EMBEDDING_SIZE + 1), np.float32)
            faces[:, :-1] = some
            squares = np.einsum("ij,ij->i", some, some)
            slack = _ROUGH * (self._largest_square + squares)
            least = (squares - within**2) / 2 - slack
            near: list[list[int]] = [[] for _ in some]
            for face, row in np.argwhere(faces @ self._rough.T >= least[:, None]).tolist():
                near[face].append(row)
            found += [
                self._matches(face, within, rows) for face, rows in zip(some, near, strict=True)
            ]
        return found

    def _matches(self, embedding: Embeddings, within: float, rows: Iterable[int]) -> list[Match]:
        near: list[tuple[float, int]] = []
        for row in rows:
            apart = self.embeddings[row] - embedding
            # Summed in an order that depends on no processor, unlike a dot product.
            distance = math.sqrt(np.add.reduce(apart * apart))
            if distance <= within:
                near.append((distance, row))
        near.sort()
        matches: dict[str, Match] = {}
        for distance, row in near:
            name = self.names[row]
            if name not in matches:
                matches[name] = Match(name, distance)
        return list(matches.values())

    def limit(self, name: str) -> float:
        """Return how near a face must be to a person with the default tolerance.

        With dlib, people who resemble somebody else have a smaller limit than 0.6.
        """
        if self.space.engine != DLIB.engine:
            return TOLERANCE
        return self._limits[name]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the names, the embeddings and the space, in hexadecimal."""
        content = hashlib.sha256(repr((self.names, self.space)).encode())
        content.update(self.embeddings.astype("<f8").tobytes())
        return content.hexdigest()

    @cached_property
    def _limits(self) -> dict[str, float]:
        limits: defaultdict[str, float] = defaultdict(lambda: TOLERANCE)
        reach = TOLERANCE / _OWN_SHARE
        for name, row in zip(self.names, self.embeddings, strict=True):
            for other, distance in self.matches(row, reach):
                if other != name and distance > SAME_FACE:
                    limits[name] = min(limits[name], distance * _OWN_SHARE)
                    break
        return limits

    def _known(self, name: str) -> str:
        """Return the one form of a name that is in the gallery. Raises GalleryError."""
        name = usual_name(name)
        if name not in self.names:
            raise GalleryError(f"{name}: nobody in the gallery has that name", hint=_SHOW)
        return name

    def _of(self, names: list[str], rows: list[Embeddings]) -> "Gallery":
        matrix = np.array(rows) if rows else np.empty((0, EMBEDDING_SIZE))
        return Gallery(names, matrix, self.space, self.consents)

    def _perhaps_within(self, embedding: Embeddings, within: float) -> list[int]:
        """Return the rows within a distance, and perhaps some just beyond it."""
        # |a - b|² <= t² where a.b - |a|²/2 >= (|b|² - t²)/2: the matrix is read once, not copied.
        # A call of numpy takes as long as a hundred rows, so there are few calls.
        face = np.empty(EMBEDDING_SIZE + 1, np.float32)
        face[:-1] = embedding
        face[-1] = 1
        square = float(embedding.dot(embedding))
        slack = _ROUGH * (self._largest_square + square)
        least = (square - within**2) / 2 - slack
        rows: list[int] = (self._rough.dot(face) >= least).nonzero()[0].tolist()
        return rows


def usual_name(name: object) -> str:
    """Return a name in its one form. Raises GalleryError for what cannot be a name."""
    if not isinstance(name, str):
        raise GalleryError("names hold one that is not text")
    try:
        return name_form(name)
    except UnusableName as error:
        raise GalleryError(f"names hold {name[:40]!a}: {error}") from error
