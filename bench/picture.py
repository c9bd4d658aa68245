"""The figures as a picture: two bars a row, the usual way's and ours."""

from collections.abc import Iterator, Sequence
from html import escape

from bench.row import Part, Row
from bench.table import figure

# In pixels: names on the left, bars, their values behind them, how many times better on the right.
_WIDTH, _LABELS, _VALUES, _TIMES = 860, 250, 190, 72
_BAR, _ROW, _HEAD = 13, 40, 46
_LONGEST_NAME = 34
_USUAL, _OURS = "#9aa4b2", "#2f6feb"

_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}"
    ".head{font-weight:600;font-size:14px}.small{font-size:11px;fill:#59636e}"
)


def picture(parts: Sequence[Part], machine: str) -> str:
    """An SVG with a block a part; each row's longer bar fills the width, so that rows of different
    units stand below each other.
    """
    lines: list[str] = []
    y = 12
    for part in parts:
        lines += _heading(part, y)
        y += _HEAD
        for row in part.rows:
            lines += _row(row, y)
            y += _ROW
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


def _heading(part: Part, y: int) -> Iterator[str]:
    yield _text(16, y + 14, part.title, "head")
    yield _text(16, y + 32, f"grey: {part.usual_way}; blue: ours", "small")


def _row(row: Row, y: int) -> Iterator[str]:
    room, longest = _WIDTH - _LABELS - _VALUES, max(row.usual, row.ours)
    yield _text(16, y + 18, _shortened(row.what))
    for value, colour, top in ((row.usual, _USUAL, y), (row.ours, _OURS, y + _BAR + 1)):
        length = max(1, round(room * value / longest))
        shape = f'x="{_LABELS}" y="{top}" width="{length}" height="{_BAR}" rx="2"'
        yield f'<rect {shape} fill="{colour}"/>'
        yield _text(_LABELS + length + 6, top + 11, figure(value, row.unit), "small")
    yield _text(_WIDTH - _TIMES, y + 18, f"{row.times_better:.1f} times")


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _text(x: int, y: int, text: str, style: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{style}">{escape(text)}</text>'
