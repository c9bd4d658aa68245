from pathlib import Path

import pytest
import pytest_asyncio

from hybridsphere.bridge.faces import collector
from tests.bridge.bridge_stage import MakeBucket, Vitals
from tests.bridge.faces.faces_stage import FacesSite


@pytest_asyncio.fixture(loop_scope="session")
async def site(moto: str, make_bucket: MakeBucket, tmp_path: Path, vitals: Vitals) -> FacesSite:
    return FacesSite(moto, await make_bucket(), tmp_path / "results", vitals)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is worth a second's wait."""
    monkeypatch.setattr(collector, "GATHER_S", 0)
    monkeypatch.setattr(collector, "IDLE_S", 0.02)
    monkeypatch.setattr(collector, "LONGEST_WAIT_S", 0.02)
