"""What a measurement yields: rows of figures, each beside the usual way's."""

from collections.abc import Sequence
from dataclasses import dataclass, field


class WrongAnswer(Exception):
    """Both ways did not do the same work, so that their figures say nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured both ways; `target` is how many times better ours is meant to be."""

    what: str
    unit: str
    usual: float
    ours: float
    more_is_better: bool = False
    target: float | None = None

    @property
    def times_better(self) -> float:
        return self.ours / self.usual if self.more_is_better else self.usual / self.ours

    @property
    def reached(self) -> bool | None:
        """Whether the target is; None where there is none."""
        return None if self.target is None else self.times_better >= self.target


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one measurement, what the usual way is there, and what else there is to say."""

    name: str
    title: str
    usual_way: str
    rows: Sequence[Row]
    notes: Sequence[str] = field(default_factory=list)
