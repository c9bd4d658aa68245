"""The environment of the tests of AWS."""

import os
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from hybridsphere.aws import (
    Aws,
    Queue,
    connect,
)
from tests.aws.aws_stage import QUEUE, Service
from tests.leaks import SECRET


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    service = Service()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield service
    await runner.cleanup()


@pytest.fixture
async def aws(service: Service) -> AsyncIterator[Aws]:
    async with connect(polls=1, invocations=1, invocation_type="RequestResponse") as aws:
        yield aws


@pytest.fixture
def queue(aws: Aws) -> Queue:
    return aws.queue(QUEUE)
