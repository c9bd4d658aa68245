"""Stores a result for each key that is named, then ends; logs JSON lines."""

import asyncio
import sys
from pathlib import Path

import structlog

from hybridsphere.bridge.pacing import backoff
from tests.bridge.bridge_stage import storing
from tests.samples import BUCKET, result

log = structlog.get_logger()


async def main() -> None:
    folder, *keys = sys.argv[1:]
    async with storing(Path(folder)) as store:
        await store.refuse_others(BUCKET)
        log.info("ready")
        await asyncio.gather(*(store.put([result(key)]) for key in keys))
        log.info("stored")


if __name__ == "__main__":
    backoff.FIRST_S, backoff.LONGEST_S = 0.05, 0.1
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(),
    )
    asyncio.run(main())
