"""Results that leave the ledger when they are old enough."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NoReturn

import structlog

from hybridsphere.bridge.store.writer import Submit
from hybridsphere.ledger.ledger import Ledger
from hybridsphere.messages import utc_text

PAGE = 500
"""Rows that one change deletes, so that results are stored between two."""

EVERY_S = 3600.0

log = structlog.get_logger()


class Expirer:
    """Deletes old results; `change` runs a change in the writer's thread."""

    def __init__(self, change: Submit, keep_days: int) -> None:
        self._change = change
        self._keep = timedelta(days=keep_days)

    async def run(self) -> NoReturn:
        """Delete old results at once, then every hour."""
        while True:
            if rows := await self.expire():
                log.info("results.expired", rows=rows)
            await asyncio.sleep(EVERY_S)

    async def expire(self) -> int:
        """Delete all results that are old enough; returns how many."""
        before = utc_text(datetime.now(UTC) - self._keep)
        total = 0
        while rows := await self._change(partial(_expire, before=before)):
            total += rows
        return total


def _expire(ledger: Ledger, *, before: str) -> int:
    return ledger.expire(before, PAGE)
