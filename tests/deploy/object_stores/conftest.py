"""The object stores of Debian, each started once, and the clips and gallery of the demo."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from hybridsphere.demo import clips
from hybridsphere.local.commands import run_command
from tests.deploy.object_stores.ceph import ceph
from tests.deploy.object_stores.store import ObjectStore
from tests.deploy.object_stores.swift import swift

STORES = {"ceph": ceph, "swift": swift}


@pytest.fixture(scope="session", params=STORES)
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ObjectStore]:
    """Each object store of Debian; skipped by name where it is not installed."""
    with STORES[request.param](tmp_path_factory.mktemp(request.param)) as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The known faces of the demo."""
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "photos").mkdir()
    clips.make_photos(folder / "photos")
    await run_command("enroll", str(folder / "photos"), "-o", str(folder / "gallery.npz"))
    return folder / "gallery.npz"


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[clips.Clip]:
    """The demo's clips."""
    return clips.make_clips(tmp_path_factory.mktemp("clips"))
