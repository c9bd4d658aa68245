"""The account that these tests break: small, or large with --soak."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.faults.fault_stage import Account, Site, Size, opened
from tests.stage import client_of


@pytest.fixture(scope="session")
def size(*, soak: bool) -> Size:
    return Size(small=not soak)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def account(moto: str) -> AsyncIterator[Account]:
    async with client_of("s3", moto) as s3, client_of("sqs", moto) as sqs:
        yield Account(moto, s3, sqs)


@pytest_asyncio.fixture(loop_scope="session")
async def open_site(
    account: Account, tmp_path: Path, size: Size
) -> AsyncIterator[Callable[..., Awaitable[Site]]]:
    """Open a site with `workers` workers; further options are settings of the function."""
    async with AsyncExitStack() as stack:

        async def start(workers: int = 2, **function: Any) -> Site:
            opening = opened(account, tmp_path, size, workers=workers, **function)
            return await stack.enter_async_context(opening)

        yield start


@pytest_asyncio.fixture(loop_scope="session")
async def site(open_site: Callable[..., Awaitable[Site]]) -> Site:
    return await open_site()
