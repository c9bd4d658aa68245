"""The words of a replay: its question, and its outcome as lines or JSON."""

import textwrap
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from hybridsphere.commands.lines import print_json, print_line
from hybridsphere.commands.replay.uploads import MOST_EXAMPLES, Count, Outcome

_SHOWN = 20
_KEY_CELLS = 75
_WIDTH = 79


def question(count: Count) -> str:
    """Ask for the consent to a replay, and name its cost."""
    statuses = ", ".join(f"{number} {status}" for status, number in count.by_status.items())
    uploads, calls = _counted(count.uploads, "upload"), _counted(count.uploads, "invocation")
    price = "" if count.usd is None else f", {_dollars(count.usd)} if they all run in Lambda"
    return f"Replay {uploads} ({statuses}): {calls} of the function{price}. Go on?"


def question_of_letters(count: int) -> str:
    """Ask for the consent to a replay of dead letters."""
    return (
        f"Replay about {_counted(count, 'dead letter')}: an invocation of the function for each "
        "upload in them. Go on?"
    )


def print_outcome(console: Console, outcome: Outcome, thing: str, *, as_json: bool) -> None:
    """Print what was sent, what was not, and why; `thing` is an upload or a dead letter."""
    if as_json:
        print_json(console, _record(outcome))
        return
    print_line(console, f"{_counted(outcome.sent, thing)} replayed")
    for line in (*_left(outcome), *_hidden(outcome)):
        print_line(console, line)


def _left(outcome: Outcome) -> Iterator[str]:
    """List the reasons, each with the first of its keys."""
    shown = 0
    for why, number in outcome.left.most_common(_SHOWN):
        yield from textwrap.wrap(f"{number:,} not: {why}", _WIDTH, subsequent_indent="    ")
        keys = [example["key"] for example in outcome.examples if example["why"] == why]
        for key in keys[: max(_SHOWN - shown, 1)]:
            shown += 1
            yield f"    {_short(key)}"
    if outcome.left.total() > shown:
        yield f"  and {outcome.left.total() - shown:,} more; --json lists up to {MOST_EXAMPLES:,}"


def _hidden(outcome: Outcome) -> list[str]:
    """Say how many letters another run holds, and until when."""
    if not outcome.hidden:
        return []
    until = f"SQS shows them again by {outcome.hidden_until[11:19]} UTC at the latest"
    why = f"another replay holds them, or was killed while it did; {until}"
    return textwrap.wrap(f"{outcome.hidden:,} hidden: {why}", _WIDTH, subsequent_indent="    ")


def _record(outcome: Outcome) -> dict[str, Any]:
    return {
        "replayed": outcome.sent,
        "left": dict(outcome.left.most_common()),
        "failed": outcome.failed,
        "not_replayed": outcome.examples,
        "hidden": outcome.hidden,
        "hidden_until": outcome.hidden_until or None,
    }


def _short(key: str) -> str:
    """Shorten a key in its middle, for its end matters most."""
    if len(key) <= _KEY_CELLS:
        return key
    half = _KEY_CELLS // 2
    return f"{key[: half - 1]}…{key[-half:]}"


def _dollars(usd: float) -> str:
    return f"about {usd:,.2f} USD" if usd >= 0.01 else "less than 0.01 USD"


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
