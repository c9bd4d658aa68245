"""The result of a measurement: rows of figures, ours between the usual way's and the least."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

# The rows that are looked up by what they are about (bench/cost.py).
SOMEBODY_KNOWN = "somebody known, on average"
FIRST_ANSWER = "first answer, from the start on: CPU time"
SECOND_ANSWER = "second answer alone: CPU time"
CPU_A_MESSAGE = "CPU a message"


class WrongAnswer(Exception):
    """The ways did not do the same work, so that their figures say nothing."""


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a row.

    `limit` is compared with a figure on this `scale`: `times`, how many times ours is better than
    the usual way, at least; `usual` or `least`, ours as a share of theirs, at most; or `figure`.
    """

    limit: float
    scale: Literal["times", "usual", "least", "figure"]


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured up to three ways; None where a way was not, or cannot be, measured.

    `least` is the least that could be done, by anybody; `remark` what there is to say of this row.
    """

    what: str
    unit: str
    usual: float | None
    ours: float | None
    least: float | None = None
    more_is_better: bool = False
    target: Target | None = None
    remark: str = ""

    @property
    def times_better(self) -> float | None:
        """How many times better than the usual way ours is; None if either is nothing."""
        if not self.usual or not self.ours:
            return None
        return self.ours / self.usual if self.more_is_better else self.usual / self.ours

    @property
    def score(self) -> float | None:
        """Return the figure to compare with the target's limit, or None."""
        if self.target is None or self.ours is None:
            return None
        if self.target.scale == "figure":
            return self.ours
        if self.target.scale == "times":
            return self.times_better
        other = self.usual if self.target.scale == "usual" else self.least
        return None if other is None else self.ours / other

    @property
    def reached(self) -> bool | None:
        """Return whether the target is reached; None without a target or a figure."""
        if self.target is None or self.score is None:
            return None
        if self.target.scale == "times" or (self.target.scale == "figure" and self.more_is_better):
            return self.score >= self.target.limit
        return self.score <= self.target.limit

    def to_json(self) -> dict[str, Any]:
        target = self.target and {"limit": self.target.limit, "scale": self.target.scale}
        return {
            "what": self.what,
            "unit": self.unit,
            "usual": self.usual,
            "ours": self.ours,
            "least": self.least,
            "more_is_better": self.more_is_better,
            "times_better": self.times_better,
            "target": target,
            "score": self.score,
            "reached": self.reached,
            "remark": self.remark,
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Row":
        target = row["target"] and Target(row["target"]["limit"], row["target"]["scale"])
        return cls(
            row["what"],
            row["unit"],
            row["usual"],
            row["ours"],
            row["least"],
            more_is_better=row["more_is_better"],
            target=target,
            remark=row["remark"],
        )


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one measurement, its ways in words, and its notes.

    `least_way` is empty if the least is unknown.
    """

    name: str
    title: str
    usual_way: str
    rows: Sequence[Row]
    least_way: str = ""
    notes: Sequence[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "usual_way": self.usual_way,
            "least_way": self.least_way,
            "rows": [row.to_json() for row in self.rows],
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, part: dict[str, Any]) -> "Part":
        rows = [Row.from_json(row) for row in part["rows"]]
        return cls(
            part["name"], part["title"], part["usual_way"], rows, part["least_way"], part["notes"]
        )
