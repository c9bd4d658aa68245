"""Texts that no spreadsheet evaluates: uploaders choose the keys."""

import re

_SIGNS = "-=+@\uff0d\uff1d\uff0b\uff20"
"""Signs that make a formula of a cell (OWASP, "CSV Injection"), and their full-width forms."""

_SIGN = re.compile(f"([{_SIGNS}])")

_BREAKS = ("\t", "\r", "\n")
"""Blanks that make a spreadsheet treat a cell as a formula, too."""

_SEPARATORS = (";", ",", "|")
"""Characters between cells, beside the blanks: the locale of a spreadsheet chooses one."""

_IGNORED = '"\ufeff' + "".join(
    character
    for character in map(chr, range(0x3001))
    if character.isspace() or not character.isprintable()
)
"""Characters that a spreadsheet may skip at the beginning of a cell: quotes, blanks, invisible."""

_SUSPECT = re.compile(rf"(?<![^{re.escape(_IGNORED)}{''.join(_SEPARATORS)}])[{_SIGNS}]")
"""A sign at the beginning, or just behind a separator or an ignored character."""


def harmless(text: str) -> str:
    """Put a `'` before each sign that could begin a formula, whatever separates the cells."""
    # Most cells, and all times, end here: the rest takes six times as long.
    return _quoted(text) if _SUSPECT.search(text) or text.startswith(_BREAKS) else text


def _quoted(text: str) -> str:
    pieces = _SIGN.split(text)
    for place in range(1, len(pieces), 2):
        if _begins_cell(pieces[place - 1], pieces[place + 1], first=place == 1):
            pieces[place] = f"'{pieces[place]}"
    safe = "".join(pieces)
    return f"'{safe}" if safe.startswith(_BREAKS) else safe


def _begins_cell(before: str, after: str, *, first: bool) -> bool:
    """Tell whether a sign begins a cell, by the texts from the last sign and to the next."""
    rest = before.rstrip(_IGNORED)
    gap = before[len(rest) :]
    if (first and not rest) or rest.endswith(_SEPARATORS):
        return True
    if gap.strip('" '):
        # A tab or a line feed, or something invisible.
        return True
    # Between two blanks, as in `part - 1.mp4`, the sign would be a cell alone.
    return " " in gap and not (gap.endswith(" ") and after.startswith(" "))
