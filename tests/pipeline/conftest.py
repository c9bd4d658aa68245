"""The whole way, once for all tests of this folder: account, function, bridge."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hybridsphere.demo import clips
from tests.forked import Forked
from tests.pipeline.pipeline_stage import Pipeline, started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The known faces of the demo, enrolled from their photos by the command."""
    folder = tmp_path_factory.mktemp("gallery")
    photos = folder / "photos"
    photos.mkdir()
    clips.make_photos(photos)
    process = await Forked.start("hybridsphere", "enroll", str(photos), "-o", str(folder / "g.npz"))
    _, errors = await process.communicate()
    assert process.returncode == 0, errors
    return folder / "g.npz"


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[clips.Clip]:
    """The demo's clips."""
    return clips.make_clips(tmp_path_factory.mktemp("clips"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pipeline(
    gallery: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pipeline]:
    """The usual way, from queue to queue."""
    async with started(tmp_path_factory.mktemp("pipeline"), gallery, workers=2) as pipeline:
        yield pipeline
