"""Stores a result for each key that is named, then ends; logs JSON lines.

With `crash` as the first argument it ends like a killed process, its results in the WAL alone.
"""

import asyncio
import os
import sys
from pathlib import Path

import structlog

from hybridsphere.bridge.pacing import backoff
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.messages import Result

BUCKET = "input-bucket-video"

log = structlog.get_logger()


def result(key: str) -> Result:
    return Result(
        bucket=BUCKET,
        key=key,
        etag="e1",
        sequencer="01",
        event_time="2026-11-21T00:00:00.000Z",
        status="no_face",
        csv=f"name,major,year,status\r\n{key},,,no_face\r\n",
    )


async def main() -> None:
    *crash, folder, keys = sys.argv[1:]
    async with ResultStore(Path(folder), Health(), Metrics()) as store:
        work = asyncio.create_task(store.run())
        await store.refuse_others(BUCKET)
        log.info("ready")
        await asyncio.gather(*(store.put([result(key)]) for key in keys.split()))
        if crash:
            os._exit(0)
        log.info("stored")
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


if __name__ == "__main__":
    backoff.FIRST_S, backoff.LONGEST_S = 0.05, 0.1
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(),
    )
    asyncio.run(main())
