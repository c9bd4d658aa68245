"""Waits between retries."""

import asyncio
import random
import time

from hybridsphere.aws import Refused

FIRST_S = 0.5
LONGEST_S = 4.0
"""Short enough to resume within five seconds of the end of a fault."""
LONGEST_IN_PLACE_S = 1.0
"""Cap while one caller probes on behalf of the others."""
LONGEST_REFUSED_S = 30.0
"""Cap after a refusal: it lasts until somebody mends it, and more calls do not help."""


class Backoff:
    """Waits that double, with jitter; two tries are never less than half a second apart."""

    def __init__(self) -> None:
        self._failures = 0

    def reset(self) -> None:
        """Start again from the shortest wait."""
        self._failures = 0

    async def wait(
        self,
        error: Exception | None = None,
        *,
        in_place: bool = False,
        since: float | None = None,
    ) -> None:
        """Sleep after a failure, longer after each failure in a row.

        `since` is when the try began, by `time.monotonic`: the try's own time counts as waited.
        """
        longest = LONGEST_IN_PLACE_S if in_place else LONGEST_S
        if isinstance(error, Refused):
            longest = LONGEST_REFUSED_S
        ceiling = min(longest, 2 * FIRST_S * 2**self._failures)
        # 2**10 seconds exceed every ceiling.
        self._failures = min(self._failures + 1, 10)
        wait_s = random.uniform(max(FIRST_S, ceiling / 2), ceiling)  # noqa: S311
        if since is not None:
            wait_s -= time.monotonic() - since
        await asyncio.sleep(max(0, wait_s))
