"""The two kinds of a replay: uploads of the ledger, and dead letters."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console

from hybridsphere.commands.replay import report
from hybridsphere.commands.replay.choice import Choice
from hybridsphere.commands.replay.letters import LetterCount, count_letters, replay_letters
from hybridsphere.commands.replay.uploads import Outcome, count_uploads, replay_uploads
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.settings import Settings


class Replay(Protocol):
    """Something to be replayed."""

    def question(self) -> str | None:
        """Say what it would cost; None if there is nothing to replay. Raises CannotRun."""

    def run(self, console: Console, *, as_json: bool, wanted: bool) -> bool:
        """Replay if `wanted`, print the outcome; False if something failed."""


class UploadReplay:
    """A replay of uploads."""

    def __init__(self, settings: Settings, choice: Choice) -> None:
        # Before anything is counted: a replay could not begin without them.
        settings.require("input_queue_url" if settings.source == "queue" else "function_name")
        self._settings = settings
        self._choice = choice

    def question(self) -> str | None:
        count = count_uploads(self._settings.results_dir, self._choice)
        return report.question(count) if count.uploads else None

    def run(self, console: Console, *, as_json: bool, wanted: bool) -> bool:
        outcome = Outcome()
        with _reporting(console, outcome, "upload", as_json=as_json):
            if wanted:
                asyncio.run(replay_uploads(self._settings, self._choice, outcome))
        return not outcome.failed


class LetterReplay:
    """A replay of dead letters."""

    def __init__(self, settings: Settings) -> None:
        queue = "input_queue_url" if settings.source == "queue" else "function_name"
        settings.require("dead_letter_queue_url", "input_bucket", queue)
        self._settings = settings
        self._count = LetterCount(0, 0)

    def question(self) -> str | None:
        self._count = asyncio.run(count_letters(self._settings))
        return report.question_of_letters(self._count.visible) if self._count.visible else None

    def run(self, console: Console, *, as_json: bool, wanted: bool) -> bool:
        outcome = Outcome()
        outcome.hide(*self._count.hidden_now())
        with _reporting(console, outcome, "dead letter", as_json=as_json), self._ledger() as ledger:
            if wanted:
                asyncio.run(replay_letters(self._settings, outcome, ledger))
        return not outcome.left and not outcome.hidden

    @contextmanager
    def _ledger(self) -> Iterator[Ledger | None]:
        """Yield the ledger, if there is one; it knows which uploads have their result."""
        if not ledger_path(self._settings.results_dir).exists():
            yield None
            return
        with Ledger.read(self._settings.results_dir) as ledger:
            yield ledger


@contextmanager
def _reporting(console: Console, outcome: Outcome, thing: str, *, as_json: bool) -> Iterator[None]:
    """Print what was done, also after Ctrl-C or an error in the middle."""
    try:
        yield
    finally:
        report.print_outcome(console, outcome, thing, as_json=as_json)
