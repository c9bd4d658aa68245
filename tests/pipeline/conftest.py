"""The whole way, once for all tests of this folder: account, function, bridge."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hybridsphere.demo import clips
from hybridsphere.demo.bridge import running_bridge
from hybridsphere.local.account import LocalAccount
from tests.leaks import function_log
from tests.pipeline.pipeline_stage import Pipeline


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The known faces of the demo, enrolled from their photos by the command."""
    folder = tmp_path_factory.mktemp("gallery")
    photos = folder / "photos"
    photos.mkdir()
    clips.make_photos(photos)
    command = [sys.executable, "-m", "hybridsphere", "enroll", photos, "-o", folder / "g.npz"]
    process = await asyncio.create_subprocess_exec(*map(str, command))
    assert await process.wait() == 0
    return folder / "g.npz"


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[clips.Clip]:
    """The demo's clips."""
    return clips.make_clips(tmp_path_factory.mktemp("clips"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pipeline(
    gallery: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pipeline]:
    """An account with the real function, its students, and a bridge as a process of its own."""
    folder = tmp_path_factory.mktemp("pipeline")
    students = folder / "students.json"
    clips.write_students(students)
    with function_log(folder) as log:
        async with LocalAccount(
            gallery=gallery, workers=2, retry_scale=0.001, idle_s=2, log=log
        ) as account:
            environment = {
                **os.environ,
                **account.environment(),
                "HYBRIDSPHERE_RESULTS_DIR": str(folder / "results"),
                "HYBRIDSPHERE_HTTP": "127.0.0.1:0",
            }
            async with running_bridge(environment, folder / "bridge.log") as bridge:
                pipeline = Pipeline(account, bridge, environment, folder / "results")
                await pipeline.run("students", "load", str(students))
                yield pipeline
                assert await bridge.stop(within_s=30) == 0
