"""Lists of uploads, a page at a time: by words, person, status and period."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from hybridsphere.page.archive import Archive, Entry
from hybridsphere.page.words import WAITING, Wanted, Words

NEWEST = 1 << 62
"""Above the row of every upload."""

_LOOKED_AT = 2000
"""Uploads that one answer looks at; a rare combination continues on the next page."""

_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Found:
    """Uploads, the newest first; `before` continues the list, None at its end."""

    entries: list[Entry]
    before: int | None = None


def find(archive: Archive, index: Words, wanted: Wanted, before: int, most: int) -> Found:
    """Find a page of the uploads below a row that are wanted."""
    if wanted == Wanted(status=WAITING):
        return Found(archive.unfinished(most))
    first = archive.first_row_since(wanted.since) if wanted.since else 0
    if wanted.until:
        before = min(before, archive.first_row_since(wanted.until))
    found: list[Entry] = []
    looked_at = 0
    for chunk in _chunks(archive, index, wanted, before):
        for entry in chunk:
            looked_at += 1
            if entry.row < first:
                return Found(found)
            if wanted.holds(entry):
                found.append(entry)
            if len(found) == most or looked_at == _LOOKED_AT:
                return Found(found, entry.row)
    return Found(found)


def _chunks(archive: Archive, index: Words, wanted: Wanted, before: int) -> Iterator[list[Entry]]:
    """Read what may be wanted, the newest first."""
    if wanted.query():
        rows = index.rows(wanted, before)
        while chunk := list(islice(rows, _CHUNK)):
            yield archive.at(chunk)
        return
    while page := archive.latest(before, _CHUNK):
        yield page
        before = page[-1].row
