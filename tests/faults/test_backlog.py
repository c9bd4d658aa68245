"""A backlog: however long it is, the bridge holds no more of it at once."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.doubles.account import INPUT, OUTPUT
from bench.doubles.process import RunningDouble, running_double
from tests import bridge_process
from tests.faults.fault_stage import Size
from tests.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIRST = 1000
MOST_MB = 20


async def test_memory_stays_constant_through_a_long_backlog(
    size: Size, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    backlog = size(5000, 100_000)
    with running_double() as double:
        environment = {
            **double.environment,
            "HYBRIDSPHERE_RESULTS_DIR": str(tmp_path / "results"),
            "HYBRIDSPHERE_HTTP": "127.0.0.1:0",
        }
        await asyncio.to_thread(double.fill, backlog)
        async with bridge_process.running(environment, size.bridge) as bridge:
            await done(double, FIRST)
            early_mb = bridge.memory_mb()
            for part in range(1, 11):
                await done(double, backlog * part // 10)
                tell(f"{backlog * part // 10} of {backlog} stored: {bridge.memory_mb():.1f} MB")
            assert bridge.memory_mb() < early_mb + MOST_MB
            assert await bridge.stop() == 0
        stats = await asyncio.to_thread(double.stats)
    assert stats["invoked"] >= backlog
    assert stats[INPUT]["deleted"] == backlog


async def done(double: RunningDouble, count: int) -> None:
    """Wait until `count` results are stored and deleted."""

    async def is_done() -> bool:
        stats = await asyncio.to_thread(double.stats)
        return bool(stats[OUTPUT]["deleted"] >= count)

    await until(is_done)
