from pathlib import Path

import pytest_asyncio

from tests.bridge.bridge_stage import MakeBucket, Vitals
from tests.bridge.bucket.mirror_stage import Site


@pytest_asyncio.fixture(loop_scope="session")
async def site(make_bucket: MakeBucket, tmp_path: Path, vitals: Vitals) -> Site:
    return Site(await make_bucket(), tmp_path / "results", vitals)
