"""The difference in words: a sentence, a table by kind, the first changes, or JSON."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console

from hybridsphere.commands.decide.difference import KINDS, MOST_CHANGES, Difference
from hybridsphere.commands.lines import print_json, print_line

_SHOWN = 20
_KEY_CELLS = 30


def print_difference(console: Console, difference: Difference) -> None:
    """Print what would change."""
    for line in _lines(difference):
        print_line(console, line)


def print_end(
    console: Console, difference: Difference, derived: int | None, *, as_json: bool
) -> None:
    """Print what was done, if anything; as JSON all of it. Without --apply, `derived` is None."""
    if as_json:
        print_json(console, _record(difference, derived))
    elif derived is None:
        if difference.changed_videos:
            print_line(console, "nothing was changed; --apply does it")
    else:
        print_line(console, f"applied; {derived:,} answers were derived again")


def _lines(difference: Difference) -> Iterator[str]:
    yield f"{difference.changed_videos:,} of {difference.videos:,} videos change"
    for kind in KINDS:
        if difference.kinds[kind]:
            yield f"  {kind:<16}  {difference.kinds[kind]:>9,} faces"
    if difference.chosen:
        yield f"  another person    {difference.chosen:>9,} videos of identify"
    for change in difference.changes[:_SHOWN]:
        yield _line(change)
    more = difference.kinds.total() - _SHOWN
    if more > 0:
        yield f"  and {more:,} more; --json lists up to {MOST_CHANGES:,}"
    if difference.people_stand:
        yield f"people's words stand for {difference.people_stand:,} of these faces"
    for why, faces in difference.left_out.most_common():
        yield f"left out: {faces:,} faces {why}"


def _line(change: dict[str, Any]) -> str:
    seconds = change["at_ms"] / 1000
    names = f"{change['from'] or 'unknown'} → {change['to'] or 'unknown'}"
    return f"  {_short(change['key'])} {seconds:>7.1f} s  {names}"


def _short(key: str) -> str:
    """Shorten a key at its beginning: videos of one folder differ there."""
    return key.ljust(_KEY_CELLS) if len(key) <= _KEY_CELLS else f"…{key[1 - _KEY_CELLS :]}"


def _record(difference: Difference, derived: int | None) -> dict[str, Any]:
    return {
        "videos": difference.videos,
        "faces": difference.faces,
        "changed_videos": difference.changed_videos,
        "kinds": {kind: difference.kinds[kind] for kind in KINDS},
        "another_person": difference.chosen,
        "people_stand": difference.people_stand,
        "left_out": dict(difference.left_out.most_common()),
        "changes": difference.changes,
        "applied": derived is not None,
        "derived": derived,
    }
