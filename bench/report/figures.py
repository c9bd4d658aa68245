"""Figures in words: the same in the terminal, the picture and the documentation.

Runs differ by a tenth and more, so that two significant figures are all that one has to say.
"""

import math

from bench.report.row import Row

_MOST_DIGITS = 5


def figure(value: float | None, unit: str, beside: float | None = None) -> str:
    """Return a value with its unit, or a dash without a value."""
    return "–" if value is None else f"{rounded(value, beside)} {unit}"


def ways(row: Row) -> list[str]:
    """The figures of the usual way, ours and the least."""
    target = row.target
    beside = target.limit if target and target.scale == "figure" else None
    return [
        figure(row.usual, row.unit),
        figure(row.ours, row.unit, beside),
        figure(row.least, row.unit),
    ]


def times(row: Row) -> str:
    """How many times better than the usual way a row is."""
    if row.times_better is None:
        return ""
    target = row.target
    return rounded(row.times_better, target.limit if target and target.scale == "times" else None)


def target(row: Row) -> str:
    """Return the target of a row, in words."""
    if row.target is None:
        return ""
    limit = row.target.limit
    if row.target.scale == "times":
        return f"{limit:g} times better"
    if row.target.scale == "figure":
        return f"{'at least' if row.more_is_better else 'at most'} {limit:,g} {row.unit}"
    return f"at most {limit:g} of the {row.target.scale}"


def verdict(row: Row) -> str:
    """Return whether a row reaches its target, in words."""
    if row.target is None:
        return ""
    if row.score is None:
        return "not measured"
    word = "reached" if row.reached else "missed"
    if row.target.scale == "figure":
        return word
    return f"{rounded(row.score, row.target.limit)}: {word}"


def rounded(value: float, beside: float | None = None) -> str:
    """A value to two significant figures, or as many more as tell it from what it stands beside."""
    digits = 2
    while digits < _MOST_DIGITS and value != beside and _to_digits(value, digits) == beside:
        digits += 1
    return f"{_to_digits(value, digits):,.9f}".rstrip("0").rstrip(".")


def _to_digits(value: float, digits: int) -> float:
    if value == 0:
        return value
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))
