"""Patience with logins: each failure costs more time."""

import time
from collections import OrderedDict
from collections.abc import Callable


class Patience:
    """Slows down who guesses: each failure doubles the wait, for a name and for an address."""

    _MOST = 10_000

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, *who: str) -> float:
        """Tell how long these must wait before they may try again."""
        return max(self._wait_s(one) for one in who)

    def failed(self, *who: str) -> None:
        for one in who:
            count, _ = self._failures.pop(one, (0, 0.0))
            self._failures[one] = (count + 1, self._now())
        while len(self._failures) > self._MOST:
            self._failures.popitem(last=False)

    def succeeded(self, *who: str) -> None:
        for one in who:
            self._failures.pop(one, None)

    def _wait_s(self, one: str) -> float:
        count, when = self._failures.get(one, (0, 0.0))
        # Three slips cost nothing.
        wait = min(2.0 ** (count - 2), 300.0) if count > 3 else 0.0
        return max(0.0, when + wait - self._now())
