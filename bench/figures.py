"""Figures in words: the same in the terminal, the picture and the documentation."""

from bench.row import Row


def figure(value: float | None, unit: str) -> str:
    """A value to three figures or so, with its unit; a dash where there is none."""
    return "–" if value is None else f"{_rounded(value)} {unit}"


def times(row: Row) -> str:
    """How many times better than the usual way a row is."""
    return "" if row.times_better is None else _rounded(row.times_better)


def target(row: Row) -> str:
    """What a row is held to."""
    if row.target is None:
        return ""
    limit = row.target.limit
    if row.target.scale == "times":
        return f"{limit:g} times better"
    if row.target.scale == "figure":
        return f"{'at least' if row.more_is_better else 'at most'} {figure(limit, row.unit)}"
    return f"at most {limit:g} of the {row.target.scale}"


def verdict(row: Row) -> str:
    """Where a row stands beside its target."""
    if row.target is None:
        return ""
    if row.score is None:
        return "not measured"
    word = "reached" if row.reached else "missed"
    return word if row.target.scale == "figure" else f"{_rounded(row.score)}: {word}"


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
