"""The bridge of `hurried_bridge.py`, which is killed at one moment, given by its name."""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hybridsphere.aws import Queue
from hybridsphere.bridge.faces.fetcher import Fetcher
from hybridsphere.bridge.faces.keeper import Keeper
from hybridsphere.ledger.ledger import Ledger
from hybridsphere.memory.memory import Memory
from tests.faults import hurried_bridge


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str) -> None:
    setattr(owner, name, die)


def after(owner: Any, name: str) -> None:
    real = getattr(owner, name)

    def call(*values: Any) -> None:
        real(*values)
        die()

    setattr(owner, name, call)


AT_THE_START: dict[str, Callable[[], None]] = {
    "the ledger is made and has no name": partial(before, Path, "hardlink_to"),
    "the ledger has just got its name": partial(after, Path, "hardlink_to"),
}
"""Only of the first bridge in a folder."""
MOMENTS: dict[str, Callable[[], None]] = {
    **AT_THE_START,
    "an invocation is to be noted": partial(before, Ledger, "note_invoked"),
    "a result is to be written down": partial(before, Ledger, "put_result"),
    "a file is written and not renamed": partial(before, os, "replace"),
    "a file is renamed and its row not committed": partial(after, os, "replace"),
    "what is committed is to be deleted": partial(before, Queue, "delete"),
}
FACES_MOMENTS: dict[str, Callable[[], None]] = {
    "faces are due and not fetched": partial(before, Fetcher, "fetch"),
    "faces are fetched and not kept": partial(before, Keeper, "keep"),
    "faces are written and not committed": partial(after, Memory, "take_evidence"),
    "faces are kept and still due": partial(before, Ledger, "pay"),
    "a debt is paid and not committed": partial(after, Ledger, "pay"),
}
"""Only of results with faces."""


def main() -> None:
    """Run the bridge until its moment."""
    {**MOMENTS, **FACES_MOMENTS}[sys.argv.pop()]()
    hurried_bridge.main()


if __name__ == "__main__":
    main()
