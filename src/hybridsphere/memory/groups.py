"""Groups of unknown faces, by the average distance between their members.

A face joins the nearest group, or begins one. Two groups that lie near enough become one, under the
older number. Only the sums of a group are kept, so a new face costs one product of a matrix and a
vector, however many faces there are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hybridsphere.recognition.space import DLIB, EMBEDDING_SIZE

Vector = npt.NDArray[np.float32]
"""The embedding of a face, `(128,)`, in the gallery's units."""

CORE = 3
"""Faces that make a core: from there on a group's average is steady enough for a wider reach."""

_FIRST_ROWS = 64


@dataclass(frozen=True, slots=True)
class Reach:
    """The largest average distance within a group, without a core and with one.

    Chosen on one half of the measured people; docs/memory.md has the figures of the other half.
    """

    alone: float
    core: float


_REACHES = {DLIB.engine: Reach(alone=0.42, core=0.45)}
_USUAL = Reach(alone=0.54, core=0.6)


class Core(NamedTuple):
    """The sums of a group: how many faces, their sum, and the sum of their squared lengths."""

    size: int
    total: npt.NDArray[np.float64]
    squares: float


class Joined(NamedTuple):
    """The group of a new face, and the groups that it brought together with that group."""

    group: int
    merged: tuple[int, ...]


class Groups:
    """The groups of one embedding space; numbers rise, and none is used twice.

    `last` is the largest number that any group has had, of any space.
    """

    def __init__(self, engine: str, last: int = 0) -> None:
        self.last = last
        self.names: dict[int, str] = {}
        """The names that people gave to groups: two names are never brought together."""
        self._reach = _REACHES.get(engine, _USUAL)
        self._rows: dict[int, int] = {}
        self._ids: list[int] = []
        self._sizes = np.zeros(_FIRST_ROWS)
        self._squares = np.zeros(_FIRST_ROWS)
        self._totals = np.zeros((_FIRST_ROWS, EMBEDDING_SIZE))
        # Distances are computed from these, at half the bytes: the mean times -2, and the average
        # square less that of the reach, for a face without a core and with one. A group without
        # faces is infinitely far from everything.
        self._means = np.zeros((_FIRST_ROWS, EMBEDDING_SIZE), np.float32)
        self._beyond_alone = np.full(_FIRST_ROWS, np.inf, np.float32)
        self._beyond_core = np.full(_FIRST_ROWS, np.inf, np.float32)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, group: int) -> bool:
        return group in self._rows

    def core(self, group: int) -> Core:
        """Return the sums of a group. Raises KeyError for an unknown number."""
        row = self._rows[group]
        return Core(int(self._sizes[row]), self._totals[row].copy(), float(self._squares[row]))

    def put(self, group: int, core: Core) -> None:
        """Take a group as it was kept; an existing group of the number is replaced."""
        if group not in self._rows:
            self._rows[group] = self._new_row(group)
        row = self._rows[group]
        self._totals[row] = core.total
        self._sizes[row], self._squares[row] = core.size, core.squares
        self.last = max(self.last, group)
        self._update(row)

    def add(self, face: Vector) -> Joined:
        """Put a face into the nearest group within reach, or into a new group."""
        core = Core(1, face.astype(np.float64), _square(face))
        near = self._nearest(core, without=None)
        if near is None:
            self.put(self.last + 1, core)
            return Joined(self.last, ())
        self.put(near, _sum(self.core(near), core))
        return self._settled(near)

    def remove(self, group: int, face: Vector) -> None:
        """Take a face out of its group; the others keep the number."""
        core = self.core(group)
        if core.size <= 1:
            self._drop(group)
            return
        left = core.total - face.astype(np.float64)
        self.put(group, Core(core.size - 1, left, core.squares - _square(face)))

    def join(self, groups: Iterable[int]) -> Joined:
        """Make one group of several, because somebody said so, under the oldest number."""
        first, *others = sorted(set(groups))
        for other in others:
            self._merge(first, other)
        settled = self._settled(first)
        merged = tuple(other for other in (*others, *settled.merged, first) if other not in self)
        return Joined(settled.group, merged)

    def _settled(self, group: int) -> Joined:
        """Merge a group that has changed with those that it lies near to by now."""
        merged: list[int] = []
        while (near := self._nearest(self.core(group), without=group)) is not None:
            group, other = sorted((group, near))
            self._merge(group, other)
            merged.append(other)
        return Joined(group, tuple(merged))

    def _merge(self, kept: int, other: int) -> None:
        self.put(kept, _sum(self.core(kept), self.core(other)))
        self._drop(other)
        if name := self.names.pop(other, None):
            self.names.setdefault(kept, name)

    def _nearest(self, core: Core, *, without: int | None) -> int | None:
        """Find the group that lies deepest within reach; the older of two equals."""
        count = len(self._ids)
        if not count:
            return None
        mean = (core.total / core.size).astype(np.float32)
        # The average of |a - b|² over all pairs is the two average squares less twice the product
        # of the two averages.
        # One thread is enough: BLAS's own threads wait for each other where the cores are busy.
        beyond = np.vecdot(self._means[:count], mean)
        beyond += (self._beyond_core if core.size >= CORE else self._beyond_alone)[:count]
        if without is not None:
            beyond[self._rows[without]] = np.inf
            for other in self._named_otherwise(without):
                beyond[self._rows[other]] = np.inf
        row = int(beyond.argmin())
        return self._ids[row] if beyond[row] + core.squares / core.size <= 0 else None

    def _named_otherwise(self, group: int) -> list[int]:
        name = self.names.get(group)
        return [
            other
            for other, named in self.names.items()
            if name and named != name and other in self._rows
        ]

    def _new_row(self, group: int) -> int:
        if len(self._ids) == len(self._sizes):
            self._grow()
        self._ids.append(group)
        return len(self._ids) - 1

    def _grow(self) -> None:
        def twice(rows: npt.NDArray[Any], filled: float = 0.0) -> npt.NDArray[Any]:
            return np.concatenate([rows, np.full_like(rows, filled)])

        self._sizes, self._squares = twice(self._sizes), twice(self._squares)
        self._totals, self._means = twice(self._totals), twice(self._means)
        self._beyond_alone = twice(self._beyond_alone, np.inf)
        self._beyond_core = twice(self._beyond_core, np.inf)

    def _update(self, row: int) -> None:
        size, spread = self._sizes[row], self._squares[row] / self._sizes[row]
        self._means[row] = self._totals[row] * (-2 / size)
        self._beyond_core[row] = spread - self._reach.core**2
        self._beyond_alone[row] = spread - self._reach_of(size) ** 2

    def _reach_of(self, size: float) -> float:
        return self._reach.core if size >= CORE else self._reach.alone

    def _drop(self, group: int) -> None:
        row = self._rows.pop(group)
        self._beyond_core[row] = self._beyond_alone[row] = np.inf


def vector_of(looks: bytes) -> Vector:
    """Return the average of a face's looks (float16, rows of 128), as long as a single look.

    Looks in different directions have a short average, which would seem near to everything.
    """
    rows = np.frombuffer(looks, np.float16).reshape(-1, EMBEDDING_SIZE).astype(np.float32)
    mean = rows.mean(axis=0)
    length = float(np.linalg.norm(mean))
    usual = float(np.linalg.norm(rows, axis=1).mean())
    return np.asarray(mean * np.float32(usual / length) if length else mean)


def _sum(one: Core, other: Core) -> Core:
    return Core(one.size + other.size, one.total + other.total, one.squares + other.squares)


def _square(face: Vector) -> float:
    wide = face.astype(np.float64)
    return float(wide.dot(wide))
