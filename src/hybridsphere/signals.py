"""The signals that stop a bridge, and the account on this machine.

Light, so that they are handled before anything slow is imported.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

STOPS = [signal.SIGTERM, signal.SIGINT]
if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
    # nohup ignores it, for a command that outlives its terminal.
    STOPS.append(signal.SIGHUP)


@contextmanager
def heard_at_once() -> Iterator[None]:
    """End the process with 0 upon a signal, while there is nothing to drain yet."""
    before = {number: signal.signal(number, _end) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(*_: object) -> None:
    # Not by an exception, which could be caught anywhere in the middle of an import.
    os._exit(0)
