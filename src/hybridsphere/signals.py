"""The signals that stop a bridge, and the account on this machine.

Light, so that they are heard before anything else is loaded.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

STOPS = [signal.SIGTERM, signal.SIGINT]
if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
    # Else it was called with nohup, to outlive its terminal.
    STOPS.append(signal.SIGHUP)


@contextmanager
def heard_at_once() -> Iterator[None]:
    """Let them end the process with 0 while nobody else listens: there is nothing to drain yet."""
    before = {number: signal.signal(number, _end) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(*_: object) -> None:
    # Not by an exception: one that is raised in the middle of an import may end anywhere.
    os._exit(0)
