"""The way of a replay to the function itself."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from hybridsphere.commands.replay.sender import connected_sender
from hybridsphere.settings import Settings
from tests.aws.aws_stage import Service
from tests.samples import record

SETTINGS = Settings(source="bucket", function_name="recognise", results_dir=Path("none"))


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    service = Service()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{runner.addresses[0][1]}")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    yield service
    await runner.cleanup()


async def test_the_function_is_invoked_for_each_record(service: Service) -> None:
    service.status = 202

    async with connected_sender(SETTINGS) as sender:
        assert await sender.send([record("a.mp4", attempt=2), record("b.mp4")]) == [None, None]

    assert [request.headers["X-Amz-Invocation-Type"] for request in service.requests] == [
        "Event",
        "Event",
    ]
    assert {request.path for request in service.requests} == {
        "/2015-03-31/functions/recognise/invocations"
    }
    bodies = [json.loads(await request.read()) for request in service.requests]
    assert {"attempt": 2} in [body["Records"][0].get("hybridsphere") for body in bodies]


async def test_an_error_of_the_function_is_the_reason(service: Service) -> None:
    service.headers = {"X-Amz-Function-Error": "Unhandled"}
    service.body = {"errorType": "MemoryError", "errorMessage": "none left"}
    settings = SETTINGS.model_copy(update={"invocation_type": "RequestResponse"})

    async with connected_sender(settings) as sender:
        (why,) = await sender.send([record()])

    assert why
    assert why.startswith("the function failed: ")
    assert "none left" in why
    assert service.requests[0].headers["X-Amz-Invocation-Type"] == "RequestResponse"
