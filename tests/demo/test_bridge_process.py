"""The bridge that a demo starts, and how it ends."""

import os
from pathlib import Path

from hybridsphere.demo.bridge import running_bridge


async def test_a_misconfigured_bridge_ends_with_its_own_exit_code(tmp_path: Path) -> None:
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}

    async with running_bridge(environment, tmp_path / "log") as bridge:
        assert await bridge.ended() == 2
        assert await bridge.stop(within_s=1) == 2

    assert "HYBRIDSPHERE_INPUT_BUCKET" in bridge.log.read_text()


async def test_a_bridge_is_killed_if_it_does_not_stop_in_time(tmp_path: Path) -> None:
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}

    async with running_bridge(environment, tmp_path / "log") as bridge:
        # It does not handle signals yet.
        assert await bridge.stop(within_s=0) < 0
