"""The figures as a picture: up to three bars a row, the usual way's, ours and the least."""

from collections.abc import Iterator, Sequence
from html import escape

from bench.report.figures import target, times, ways
from bench.report.row import Part, Row

# In pixels: names on the left, bars, their values behind them, how ours stands on the right.
_WIDTH, _LABELS, _VALUES, _STANDS = 1040, 270, 350, 240
_BAR, _GAP, _LINE = 11, 12, 16
_LONGEST_NAME = 36
_USUAL, _OURS, _LEAST = "#9aa4b2", "#2f6feb", "#5fb37c"

_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}"
    ".head{font-weight:600;font-size:14px}.small{font-size:11px;fill:#59636e}"
)


def picture(parts: Sequence[Part], machine: str) -> str:
    """An SVG with a block a part; each row's longest bar fills the width, so that rows of different
    units stand below each other.
    """
    lines: list[str] = []
    y = 12
    for part in parts:
        heading = list(_heading(part))
        for number, (text, style) in enumerate(heading):
            lines.append(_text(16, y + 14 + number * _LINE, text, style))
        y += (len(heading) + 1) * _LINE
        for row in part.rows:
            lines += _row(row, y)
            y += _BAR * max(2, len(_bars(row))) + _GAP
        y += 10
    lines.append(_text(16, y + 8, machine, "small"))
    height = y + 24
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            f"<style>{_STYLE}</style>",
            f'<rect width="{_WIDTH}" height="{height}" rx="8" fill="#fff"/>',
            *lines,
            "</svg>\n",
        ]
    )


def _heading(part: Part) -> Iterator[tuple[str, str]]:
    yield part.title, "head"
    yield f"blue: ours; grey: {part.usual_way}", "small"
    if part.least_way:
        yield f"green: {part.least_way}", "small"


def _row(row: Row, y: int) -> Iterator[str]:
    bars = _bars(row)
    room, longest = _WIDTH - _LABELS - _VALUES, max((value for value, _, _ in bars), default=0) or 1
    yield _text(16, y + 15, _shortened(row.what))
    for number, (value, colour, figure) in enumerate(bars):
        length, top = max(1, round(room * value / longest)), y + number * _BAR
        shape = f'x="{_LABELS}" y="{top}" width="{length}" height="{_BAR - 1}" rx="2"'
        yield f'<rect {shape} fill="{colour}"/>'
        yield _text(_LABELS + length + 6, top + 9, figure, "small")
    yield _text(_WIDTH - _STANDS, y + 9, _stands(row))
    yield _text(_WIDTH - _STANDS, y + 22, _held_to(row), "small")


def _bars(row: Row) -> list[tuple[float, str, str]]:
    """The length, the colour and the figure of each."""
    values, colours = (row.usual, row.ours, row.least), (_USUAL, _OURS, _LEAST)
    bars = zip(values, colours, ways(row), strict=True)
    return [(value, colour, figure) for value, colour, figure in bars if value is not None]


def _stands(row: Row) -> str:
    return f"{times(row)} times better" if times(row) else ""


def _held_to(row: Row) -> str:
    if row.target is None:
        return row.remark
    if row.reached is None:
        return f"{target(row)}: not measured"
    return f"{target(row)}: {'reached' if row.reached else 'missed'}"


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _text(x: int, y: int, text: str, style: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{style}">{escape(text)}</text>'
