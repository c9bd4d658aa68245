"""How long to wait before the next try."""

import asyncio
import random

from hybridsphere.aws import Refused

FIRST_S = 0.5
LONGEST_S = 4.0
"""Short enough to be back within five seconds of the end of a fault."""
LONGEST_IN_PLACE_S = 1.0
"""Where one caller tries for all that wait behind it, and what is over for it is over for all."""
LONGEST_REFUSED_S = 30.0
"""A refusal ends when somebody mends it, which takes longer and wants no hammering."""


class Backoff:
    """Waits that double, with jitter; never two tries within half a second."""

    def __init__(self) -> None:
        self._failures = 0

    def reset(self) -> None:
        self._failures = 0

    async def wait(
        self,
        error: Exception | None = None,
        *,
        in_place: bool = False,
        since: float | None = None,
    ) -> None:
        """Sleep after a failure, the longer the more of them came in a row.

        `since` is when the try began, by the loop's clock: the time that it took is waited already.
        """
        longest = LONGEST_IN_PLACE_S if in_place else LONGEST_S
        if isinstance(error, Refused):
            longest = LONGEST_REFUSED_S
        ceiling = min(longest, 2 * FIRST_S * 2**self._failures)
        # 2**10 seconds are beyond all ceilings.
        self._failures = min(self._failures + 1, 10)
        wait_s = random.uniform(max(FIRST_S, ceiling / 2), ceiling)  # noqa: S311
        if since is not None:
            wait_s -= asyncio.get_running_loop().time() - since
        await asyncio.sleep(max(0, wait_s))
