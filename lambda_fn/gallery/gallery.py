"""The known faces: loaded, kept and searched."""

import math
import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from lambda_fn.gallery.legacy import load_legacy

EMBEDDING_SIZE = 128

# Beyond what 128 products and sums of 32-bit numbers are off by, in units of the squares.
_ROUGH = 2e-5

# A face's numbers lie within 1; the squares of these still fit into 32 bits.
_LARGEST = 1e6

Embeddings = npt.NDArray[np.float64]
"""One row of 128 numbers a face; the Euclidean distance of two rows tells how alike they are."""


class GalleryError(ValueError):
    """Known faces that cannot be used; its text is one line, with the file and the reason."""


class Match(NamedTuple):
    """Somebody whom a face resembles, and the distance to their nearest embedding."""

    name: str
    distance: float


class Gallery:
    """Names and their embeddings, row by row; a person may have several rows.

    Raises GalleryError unless there is a name to every row and every number is that of a face.
    """

    def __init__(self, names: Sequence[str], embeddings: npt.ArrayLike) -> None:
        rows = np.asarray(embeddings)
        if rows.dtype.kind != "f" or rows.shape != (len(names), EMBEDDING_SIZE):
            raise GalleryError(
                f"embeddings are {rows.dtype} {rows.shape}, "
                f"not floats ({len(names)}, {EMBEDDING_SIZE}), a row a name"
            )
        # Written so that NaN fails too.
        if not (np.abs(rows) <= _LARGEST).all():
            raise GalleryError(f"embeddings hold numbers that are not finite, or beyond {_LARGEST}")
        if not all(isinstance(name, str) and name.strip() and name.isprintable() for name in names):
            raise GalleryError("names hold one that is empty or not printable text")
        self.names = [str(name) for name in names]
        self.embeddings: Embeddings = rows.astype(np.float64)
        squares = np.einsum("ij,ij->i", self.embeddings, self.embeddings)
        self._largest_square = float(squares.max(initial=0))
        # Half the bytes find those who may be near; who of them is, the full precision tells. The
        # last column is added to each product. Kept column after column, a thousand rows are read
        # a quarter faster.
        self._rough = np.empty((len(rows), EMBEDDING_SIZE + 1), np.float32, order="F")
        self._rough[:, :-1] = self.embeddings
        self._rough[:, -1] = -squares / 2

    def __len__(self) -> int:
        return len(self.names)

    def items(self) -> list[tuple[str, Embeddings]]:
        """Each name with its row."""
        return list(zip(self.names, self.embeddings, strict=True))

    def plus(self, other: "Gallery") -> "Gallery":
        """A gallery of both; rows that both have are there once."""
        known = {(name, row.tobytes()) for name, row in self.items()}
        new = [(name, row) for name, row in other.items() if (name, row.tobytes()) not in known]
        return _of_items([*self.items(), *new])

    def without(self, name: str) -> "Gallery":
        """A gallery of all the others. Raises GalleryError where nobody has that name."""
        if name not in self.names:
            raise GalleryError(f"{name}: nobody in the gallery has that name")
        return _of_items([item for item in self.items() if item[0] != name])

    @classmethod
    def empty(cls) -> Self:
        """A gallery in which nobody is known."""
        return cls([], np.empty((0, EMBEDDING_SIZE)))

    @classmethod
    def load(cls, path: Path) -> Self:
        """The gallery in a `.npz` file. Raises GalleryError."""
        try:
            with path.open("rb") as file:
                return cls.read(file, str(path))
        except OSError as error:
            raise GalleryError(f"{path}: {error.strerror}") from error

    @classmethod
    def read(cls, file: IO[bytes], where: str) -> Self:
        """The gallery in an open `.npz`; `where` names it in errors. Raises GalleryError."""
        if not zipfile.is_zipfile(file):
            raise GalleryError(
                f"{where}: not a gallery. `hybridsphere gallery import` makes one of a pickle."
            )
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as arrays:
                names, embeddings = np.asarray(arrays["names"]), np.asarray(arrays["embeddings"])
        # Whatever a broken archive provokes in zipfile, zlib, numpy or the parser of its headers,
        # or one that claims to be huge, says one thing: this file is none of ours.
        except Exception as error:
            raise GalleryError(f"{where}: not a gallery: {_line(error)}") from error
        try:
            return cls(names.tolist() if names.ndim == 1 else [], embeddings)
        except GalleryError as error:
            raise GalleryError(f"{where}: {_line(error)}") from error

    def save(self, path: Path) -> None:
        """Writes a `.npz` whole, for its owner alone, then renames it to `path`."""
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        partial = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                np.savez(file, names=np.array(self.names, dtype=str), embeddings=self.embeddings)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink()
            raise

    def matches(self, embedding: Embeddings, tolerance: float) -> list[Match]:
        """Who a face may be: each person within the tolerance once, the nearest first."""
        within: list[tuple[float, int]] = []
        for row in self._perhaps_within(embedding, tolerance):
            apart = self.embeddings[row] - embedding
            distance = math.sqrt(apart.dot(apart))
            if distance <= tolerance:
                within.append((distance, row))
        within.sort()
        matches: dict[str, Match] = {}
        for distance, row in within:
            name = self.names[row]
            if name not in matches:
                matches[name] = Match(name, distance)
        return list(matches.values())

    def _perhaps_within(self, embedding: Embeddings, tolerance: float) -> list[int]:
        """The rows within the tolerance, and maybe some just outside of it."""
        # |a - b|² <= t² where a.b - |a|²/2 >= (|b|² - t²)/2: the matrix is read once, not copied.
        # Each call of numpy takes as long as a hundred rows: hence so few of them.
        face = np.empty(EMBEDDING_SIZE + 1, np.float32)
        face[:-1] = embedding
        face[-1] = 1
        square = float(embedding.dot(embedding))
        slack = _ROUGH * (self._largest_square + square)
        least = (square - tolerance**2) / 2 - slack
        rows: list[int] = (self._rough.dot(face) >= least).nonzero()[0].tolist()
        return rows


def import_legacy(source: Path) -> Gallery:
    """The gallery in a pickle of the legacy form, of which nothing is run. Raises GalleryError."""
    try:
        names, rows = load_legacy(source)
        return Gallery(names, _matrix(rows))
    except OSError as error:
        raise GalleryError(f"{source}: {error.strerror}") from error
    except ValueError as error:
        raise GalleryError(f"{source}: {_line(error)}") from error


def _line(error: Exception) -> str:
    """What an error says of a file, which may have put pages of anything into it, as one line."""
    words = " ".join(str(error).split()) or type(error).__name__
    return "".join(c if c.isprintable() else "?" for c in words)[:200]


def _of_items(items: list[tuple[str, Embeddings]]) -> Gallery:
    return Gallery([name for name, _ in items], _matrix([row for _, row in items]))


def _matrix(rows: list[Embeddings]) -> Embeddings:
    return np.array(rows) if rows else np.empty((0, EMBEDDING_SIZE))
