import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from hybridsphere.bridge.bucket import lock, watcher
from hybridsphere.bridge.pacing import backoff
from hybridsphere.bridge.queue import poller
from tests.bridge.bridge_stage import (
    Journal,
    MakeBucket,
    MakeQueue,
    RealBucket,
    RealFunction,
    RealQueue,
    Vitals,
    serving,
)
from tests.leaks import function_log
from tests.stage import PATIENCE_S, client_of

_serial = itertools.count()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sqs(moto: str) -> AsyncIterator[Any]:
    async with client_of("sqs", moto) as client:
        yield client


@pytest.fixture
def make_queue(sqs: Any) -> MakeQueue:
    """Makes queues that no other test knows."""

    async def make() -> RealQueue:
        made = await sqs.create_queue(QueueName=f"queue-{next(_serial)}")
        return RealQueue(sqs, made["QueueUrl"])

    return make


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def s3(moto: str) -> AsyncIterator[Any]:
    async with client_of("s3", moto) as client:
        yield client


@pytest.fixture
def make_bucket(s3: Any) -> MakeBucket:
    """Makes buckets that no other test knows."""

    async def make() -> RealBucket:
        made = RealBucket(s3, f"bucket-{next(_serial)}")
        await made.begin()
        return made

    return make


@pytest_asyncio.fixture(loop_scope="session")
async def start_function(
    tmp_path: Path,
) -> AsyncIterator[Callable[..., Awaitable[RealFunction]]]:
    async with AsyncExitStack() as stack:

        async def ignore(_: object) -> None: ...

        async def start(concurrency: int = 2, on_failure: Any = ignore) -> RealFunction:
            log = stack.enter_context(function_log(tmp_path))
            return await stack.enter_async_context(
                serving(tmp_path, concurrency=concurrency, on_failure=on_failure, log=log)
            )

        yield start


@pytest.fixture(autouse=True)
def journal() -> Iterator[Journal]:
    journal = Journal()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, journal])
    yield journal
    structlog.reset_defaults()


@pytest.fixture
def vitals() -> Vitals:
    return Vitals()


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is worth a second's wait."""
    monkeypatch.setattr(poller, "LAST_POLL_S", 0.1)
    # moto's threads sometimes give one message to two concurrent polls. Bridges that run as
    # processes, and tests/faults, keep the usual number.
    monkeypatch.setattr(poller, "RECEIVERS", 1)
    monkeypatch.setattr(backoff, "FIRST_S", 0.02)
    monkeypatch.setattr(backoff, "LONGEST_S", 0.05)
    monkeypatch.setattr(backoff, "LONGEST_IN_PLACE_S", 0.05)
    monkeypatch.setattr(backoff, "LONGEST_REFUSED_S", 0.05)
    monkeypatch.setattr(watcher, "FASTEST_S", 0.02)
    monkeypatch.setattr(watcher, "SLOWEST_S", 0.05)
    monkeypatch.setattr(lock, "RETRY_S", 0.02)


@pytest.fixture
def endless_waits(monkeypatch: pytest.MonkeyPatch, _hurry: None) -> None:
    """Make every wait after a failure longer than any test."""
    for name in ("FIRST_S", "LONGEST_S", "LONGEST_IN_PLACE_S", "LONGEST_REFUSED_S"):
        monkeypatch.setattr(backoff, name, 2 * PATIENCE_S)
