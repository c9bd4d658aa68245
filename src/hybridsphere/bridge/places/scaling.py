"""Signals to whatever adds and removes hosts, such as Heat's scaling policies."""

import asyncio
import time
from collections.abc import Callable

import aiohttp
import structlog

EVERY_S = 5.0

OUT_AFTER_S = 15.0
"""How long the wait must stay too long: a short burst needs no new machine."""

IN_AFTER_S = 300.0
"""How long half of the hosts must have been enough."""

AGAIN_S = 60.0
"""The least time between two signals; the policies add their cool-downs."""

SIGNAL_S = 10.0
"""Limit on one signal."""

log = structlog.get_logger()


class Scaling:
    """The signals of one bridge. A URL is a secret: it alone permits a signal.

    `foreseen_s` returns the wait of the last upload, `load` the used share of the room.
    """

    def __init__(
        self,
        out_url: str | None,
        in_url: str | None,
        *,
        longest_s: float,
        foreseen_s: Callable[[], float],
        load: Callable[[], float],
    ) -> None:
        self._out_url = out_url
        self._in_url = in_url
        self._longest_s = longest_s
        self._foreseen_s = foreseen_s
        self._load = load
        self._long_since: float | None = None
        self._idle_since: float | None = None
        self._signalled_at = float("-inf")

    async def run(self) -> None:
        """Signal until cancelled."""
        timeout = aiohttp.ClientTimeout(total=SIGNAL_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await asyncio.sleep(EVERY_S)
                if direction := self.due(time.monotonic()):
                    await self._signal(session, direction)

    def due(self, now: float) -> str | None:
        """Return `out` or `in` if a signal is due now; called regularly."""
        foreseen_s = self._foreseen_s()
        self._long_since = _since(self._long_since, now, foreseen_s > self._longest_s / 2)
        self._idle_since = _since(self._idle_since, now, not foreseen_s and self._load() <= 0.5)
        if now - self._signalled_at < AGAIN_S:
            return None
        if self._long_since is not None and now - self._long_since >= OUT_AFTER_S:
            self._signalled_at = now
            return "out"
        if self._idle_since is not None and now - self._idle_since >= IN_AFTER_S:
            self._signalled_at = self._idle_since = now
            return "in"
        return None

    async def _signal(self, session: aiohttp.ClientSession, direction: str) -> None:
        url = self._out_url if direction == "out" else self._in_url
        if not url:
            return
        try:
            async with session.post(url) as answer:
                if answer.ok:
                    log.info("scaling.signalled", direction=direction)
                else:
                    log.warning("scaling.refused", direction=direction, status=answer.status)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            # Its text may quote the URL.
            log.warning("scaling.failed", direction=direction, reason=type(error).__name__)


def _since(before: float | None, now: float, lasts: bool) -> float | None:
    if not lasts:
        return None
    return now if before is None else before
