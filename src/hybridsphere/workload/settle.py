"""The wait for the results of an upload."""

import asyncio
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from hybridsphere.aws.one_shot import client
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.settings import Settings
from hybridsphere.workload.evidence import queue_depths, rows_that_count
from hybridsphere.workload.manifest import Manifest

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient

STANDSTILL_S = 120.0
"""Seconds without progress after which the wait ends."""

SILENCE_S = 10.0
"""Seconds without any sign of a bridge after which the user is asked about it."""

POLL_S = 0.3

FACES_S = 10.0
"""Seconds that the faces may take after the last result; without them, the upload is settled."""


async def wait_until_settled(
    settings: Settings,
    manifest: Manifest,
    *,
    console: Console,
    standstill_s: float = STANDSTILL_S,
    silence_s: float = math.inf,
) -> bool:
    """Wait until every upload has a result and the queues are empty; False upon a standstill.

    A line asks for the bridge, once, after `silence_s` without a sign of it.
    """
    total = len(manifest.keys)
    with Progress(
        TextColumn("results  "),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f} videos"),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        task = progress.add_task("", total=total)
        async with client("sqs") as sqs:
            standing = furthest = first = await _look(sqs, settings, manifest)
            begun_at = moved_at = time.monotonic()
            asked = False
            while standing.results < total or standing.queued:
                await asyncio.sleep(POLL_S)
                standing = await _look(sqs, settings, manifest)
                progress.update(task, completed=standing.results)
                reached = furthest.advanced_to(standing)
                if reached != furthest:
                    furthest, moved_at = reached, time.monotonic()
                elif time.monotonic() - moved_at > standstill_s:
                    return False
                if (
                    not asked
                    and furthest == first
                    and not first.begun
                    and time.monotonic() - begun_at > silence_s
                ):
                    asked = True
                    progress.console.print("nothing yet: is a bridge running?")
            progress.update(task, completed=standing.results)
    await _wait_for_faces(settings)
    return True


async def _wait_for_faces(settings: Settings) -> None:
    """Return when the memory has the faces of every result, or after `FACES_S`."""
    begun_at = time.monotonic()
    while time.monotonic() - begun_at < FACES_S:
        if not await asyncio.to_thread(_faces_due, settings.results_dir):
            return
        await asyncio.sleep(POLL_S)


def _faces_due(results_dir: Path) -> int:
    if not ledger_path(results_dir).exists():
        return 0
    with Ledger.read(results_dir) as ledger:
        return ledger.count_due()


@dataclass(frozen=True, slots=True)
class _Standing:
    """How far the uploads have come, and how many messages are in the queues."""

    invoked: int
    results: int
    queued: int

    @property
    def begun(self) -> bool:
        return bool(self.invoked or self.results)

    def advanced_to(self, other: "_Standing") -> "_Standing":
        """Take the furthest of both in each respect: a redelivered message is not progress."""
        return _Standing(
            invoked=max(self.invoked, other.invoked),
            results=max(self.results, other.results),
            queued=min(self.queued, other.queued),
        )


async def _look(sqs: "SQSClient", settings: Settings, manifest: Manifest) -> _Standing:
    rows = await asyncio.to_thread(rows_that_count, settings.results_dir, manifest)
    depths = await queue_depths(sqs, settings)
    return _Standing(
        invoked=sum(any(row.invoked_at for row in versions) for versions in rows.values()),
        results=sum(any(row.status for row in versions) for versions in rows.values()),
        queued=sum(depth.visible + depth.in_flight for depth in depths),
    )
