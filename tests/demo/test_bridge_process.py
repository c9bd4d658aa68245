"""The bridge that a demo starts, and how its end is told."""

import os
from pathlib import Path

from hybridsphere.demo.bridge import running_bridge


async def test_a_bridge_that_cannot_work_ends_with_its_own_exit_code(tmp_path: Path) -> None:
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}

    async with running_bridge(environment, tmp_path / "log") as bridge:
        assert await bridge.ended() == 2
        assert await bridge.stop(within_s=1) == 2

    assert "HYBRIDSPHERE_INPUT_BUCKET is not set" in bridge.log.read_text()


async def test_a_bridge_is_killed_if_it_does_not_stop_in_time(tmp_path: Path) -> None:
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}

    async with running_bridge(environment, tmp_path / "log") as bridge:
        # It has not even begun to listen to signals.
        assert await bridge.stop(within_s=0) < 0
