"""Signals once as the bridge does, and prints what it logs: `bridge_signal out|in URL`."""

import asyncio
import sys
from collections.abc import MutableMapping
from typing import Any, NoReturn

import structlog

from hybridsphere.bridge.places import scaling

PATIENCE_S = 60


async def signal(direction: str, url: str) -> dict[str, Any]:
    """Let the bridge's own part see a wait too long, or none; returns the first that it logs."""
    logged: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def take(_logger: object, _name: str, event: MutableMapping[str, Any]) -> NoReturn:
        logged.put_nowait(dict(event))
        raise structlog.DropEvent

    structlog.configure(processors=[take])
    # Minutes, of which tests/bridge/places/test_scaling.py knows.
    scaling.EVERY_S = scaling.OUT_AFTER_S = scaling.IN_AFTER_S = 0.05
    wait_s = 60.0 if direction == "out" else 0.0
    one = scaling.Scaling(url, url, longest_s=30, foreseen_s=lambda: wait_s, load=lambda: 0.0)
    running = asyncio.create_task(one.run())
    try:
        return await asyncio.wait_for(logged.get(), PATIENCE_S)
    finally:
        running.cancel()


if __name__ == "__main__":
    found = asyncio.run(signal(*sys.argv[1:]))
    sys.stdout.write(f"{found['event']} {found['direction']}\n")
