import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hybridsphere.local.account import LocalAccount
from hybridsphere.local.lambda_host import LambdaHost
from tests.leaks import function_log
from tests.local.local_stage import PROBE, TASK_ROOT, Client, Gate, Lambda, StartLambda, client_of


@pytest.fixture
async def start_lambda(tmp_path: Path) -> AsyncIterator[StartLambda]:
    """Starts a Lambda host for the probe: `host` are its options, the others those of the probe."""
    async with AsyncExitStack() as stack:

        async def start(host: dict[str, Any] | None = None, **settings: Any) -> Lambda:
            failures: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
            options = {
                "task_root": TASK_ROOT,
                "on_failure": failures.put,
                "retry_scale": 0.0001,
                "log": stack.enter_context(function_log(tmp_path)),
                **(host or {}),
            }
            started = await stack.enter_async_context(
                LambdaHost(replace(PROBE, **settings), **options)
            )
            client = await stack.enter_async_context(client_of("lambda", started.endpoint))
            return Lambda(started, client, failures)

        yield start


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    gate = Gate()
    async with await gate.open():
        yield gate


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def account() -> AsyncIterator[LocalAccount]:
    """An account whose function is the probe; for tests that run in the session's loop."""
    async with LocalAccount(
        function=PROBE, task_root=TASK_ROOT, workers=2, retry_scale=0.0001
    ) as account:
        yield account


@pytest_asyncio.fixture(loop_scope="session")
async def client(account: LocalAccount) -> AsyncIterator[Client]:
    """Makes clients of the account as any program would: from its environment."""
    environment = account.environment()
    async with AsyncExitStack() as stack:

        async def make(service: str) -> Any:
            general = environment["AWS_ENDPOINT_URL"]
            endpoint = environment.get(f"AWS_ENDPOINT_URL_{service.upper()}", general)
            return await stack.enter_async_context(client_of(service, endpoint))

        yield make
