"""The hosts at home: found by name, tried, and found again while the bridge runs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from hybridsphere.aws import Function, resolve
from hybridsphere.bridge.places.place import Place
from hybridsphere.bridge.places.places import Places
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.errors import CannotRun

RESOLVE_S = 15.0
"""How often names are looked up: hosts that are added or removed count after that."""

PART = "private endpoints"

Open = Callable[[str], Awaitable[Function]]
"""A call that makes a client for a host's URL."""

log = structlog.get_logger()


class Homes:
    """The hosts of the settings' endpoints, kept in `places`."""

    def __init__(
        self,
        endpoints: Sequence[str],
        places: Places,
        open_host: Open,
        *,
        most: int,
        health: Health,
        metrics: Metrics,
    ) -> None:
        self._endpoints = endpoints
        self._places = places
        self._open = open_host
        self._most = most
        self._health = health
        self._metrics = metrics
        self._known: dict[str, Place] = {}

    async def find(self) -> None:
        """Look the names up, and try the hosts that are new. Raises ConfigurationError."""
        try:
            urls = await resolve(self._endpoints)
        except (OSError, UnicodeError) as error:
            # The hosts that are known stay.
            self._health.report(PART, f"look-up: {error}")
            return
        self._health.clear(PART)
        new = [url for url in urls if url not in self._known]
        gone = [url for url in self._known if url not in urls]
        if not new and not gone:
            return
        for url in new:
            self._known[url] = await self._place(url)
        await asyncio.gather(*(self._known[url].probe() for url in new))
        for url in gone:
            self._known.pop(url).retire()
        log.info("places.found", new=new, gone=gone)
        self._places.replace_homes(self._known.values())

    async def run(self) -> None:
        """Look the names up again and again, until cancelled."""
        while True:
            await asyncio.sleep(RESOLVE_S)
            try:
                await self.find()
            except CannotRun as error:
                # Credentials may come again; the hosts that are known stay.
                self._health.report(PART, str(error))

    async def _place(self, url: str) -> Place:
        return Place(
            url,
            await self._open(url),
            part=f"private endpoint {url}",
            most=self._most,
            health=self._health,
            metrics=self._metrics,
        )
