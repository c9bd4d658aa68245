import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from hybridsphere.local.account import LocalAccount
from tests.deploy.images.image_stage import IMAGES, Container, container_of


@pytest.fixture(scope="session")
def images() -> None:
    """Both images, built from this tree."""
    for tool in ("buildah", "debootstrap"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    if os.geteuid() != 0:
        pytest.skip("debootstrap needs root")
    subprocess.run([IMAGES, "build", "bridge", "lambda"], check=True)


@pytest.fixture
def bridge_image(images: None) -> Iterator[Container]:
    with container_of("localhost/hybridsphere-bridge") as container:
        yield container


@pytest.fixture
def function_image(images: None) -> Iterator[Container]:
    with container_of("localhost/hybridsphere-lambda") as container:
        yield container


@pytest_asyncio.fixture
async def account() -> AsyncIterator[LocalAccount]:
    """An account of this machine, which the containers share the network of."""
    async with LocalAccount(workers=1) as account:
        yield account
