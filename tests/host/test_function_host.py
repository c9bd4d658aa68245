"""A host with keys, as AWS's clients see it."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError

from hybridsphere.host import sigv4
from hybridsphere.host.function_host import FunctionHost
from hybridsphere.host.sigv4 import Signatures
from hybridsphere.keys import KeyPair
from tests.leaks import function_log
from tests.local.local_stage import PROBE, TASK_ROOT, Gate

KEY = KeyPair("HSKEY", "a secret that is long enough")


class Stage:
    """A host and a client of it."""

    def __init__(self, host: FunctionHost, client: Any) -> None:
        self.host = host
        self._client = client

    async def call(self, event: object, **more: Any) -> Any:
        payload = io.BytesIO(event) if isinstance(event, bytes) else json.dumps(event).encode()
        answer = await self._client.invoke(FunctionName="any", Payload=payload, **more)
        return json.loads(await answer["Payload"].read() or b"null")

    async def refusal(self, event: object, **more: Any) -> tuple[int, str]:
        with pytest.raises(ClientError) as caught:
            await self.call(event, **more)
        response = caught.value.response
        return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.fixture
async def parts() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def staged(parts: AsyncExitStack, folder: Path, key: KeyPair = KEY, **settings: Any) -> Stage:
    host = FunctionHost(
        replace(PROBE, **settings),
        task_root=TASK_ROOT,
        log=parts.enter_context(function_log(folder)),
        signatures=Signatures([KEY]),
        any_name=True,
    )
    await parts.enter_async_context(host)
    made = get_session().create_client(
        "lambda",
        region_name="eu-west-1",
        endpoint_url=host.endpoint,
        aws_access_key_id=key.id,
        aws_secret_access_key=key.secret,
        config=AioConfig(retries={"total_max_attempts": 1}),
    )
    return Stage(host, await parts.enter_async_context(made))


async def test_a_signed_call_is_answered(parts: AsyncExitStack, tmp_path: Path) -> None:
    stage = await staged(parts, tmp_path)
    assert await stage.call({"text": "ü"}, Qualifier="live") == {"text": "ü"}


async def test_other_callers_are_refused(parts: AsyncExitStack, tmp_path: Path) -> None:
    stage = await staged(parts, tmp_path, KeyPair(KEY.id, "another secret, long enough"))
    assert await stage.refusal({}) == (403, "InvalidSignatureException")
    url = f"{stage.host.endpoint}/2015-03-31/functions/any/invocations"
    async with aiohttp.ClientSession() as session, session.post(url, data=b"{}") as answer:
        assert answer.status == 403
        assert answer.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    assert stage.host.worker_count == 0


async def test_an_oversized_call_is_refused(parts: AsyncExitStack, tmp_path: Path) -> None:
    stage = await staged(parts, tmp_path)
    event = b'"' + b"x" * 6 * 1024**2 + b'"'
    assert await stage.refusal(event) == (413, "RequestEntityTooLargeException")


async def test_asynchronous_events_are_refused(parts: AsyncExitStack, tmp_path: Path) -> None:
    stage = await staged(parts, tmp_path)
    refusal = await stage.refusal({}, InvocationType="Event")
    assert refusal == (400, "InvalidParameterValueException")


@pytest.mark.parametrize(("repeated_s", "status"), [(60.0, 429), (0.0, 403)])
async def test_a_replayed_call_is_refused(
    parts: AsyncExitStack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    repeated_s: float,
    status: int,
) -> None:
    # Within its second it may be an honest repetition, which the client may sign anew.
    monkeypatch.setattr(sigv4, "REPEATED_S", repeated_s)
    stage = await staged(parts, tmp_path)
    sent: list[Any] = []
    stage._client.meta.events.register("before-send", lambda request, **_: sent.append(request))
    await stage.call({})
    (request,) = sent
    # Bytes as botocore has them.
    headers = {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in request.headers.items()
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(request.url, data=request.body, headers=headers) as answer,
    ):
        assert answer.status == status
        assert "call was made" in await answer.text()


async def test_a_full_host_says_so_and_when_to_call_again(
    parts: AsyncExitStack, tmp_path: Path, gate: Gate
) -> None:
    stage = await staged(parts, tmp_path, reserved_concurrency=1)
    running = asyncio.create_task(stage.call(gate.event()))
    visitor = await gate.arrival()
    with pytest.raises(ClientError) as caught:
        await stage.call({})
    answer = caught.value.response
    assert answer["Error"]["Code"] == "TooManyRequestsException"
    assert answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-hybridsphere-room"] == "1"
    visitor.tell("done")
    assert await running == "done"


async def test_a_drain_waits_for_what_runs_and_refuses_the_rest(
    parts: AsyncExitStack, tmp_path: Path, gate: Gate
) -> None:
    stage = await staged(parts, tmp_path)
    # Two connections: the second stays open for the call that comes too late.
    running = [asyncio.create_task(stage.call({**gate.event(), "n": n})) for n in range(2)]
    visitors = [await gate.arrival() for _ in range(2)]
    visitors[0].tell("done")
    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    draining = asyncio.create_task(stage.host.drain(30))
    await asyncio.sleep(0)
    status, code = await stage.refusal({})
    assert (status, code) == (503, "ServiceException")
    visitors[1].tell("done")
    assert await draining == 0
    assert [await one for one in running] == ["done", "done"]


async def test_a_drain_ends_in_time(parts: AsyncExitStack, tmp_path: Path, gate: Gate) -> None:
    stage = await staged(parts, tmp_path)
    running = asyncio.create_task(stage.call(gate.event()))
    await gate.arrival()
    assert await stage.host.drain(0.05) == 1
    running.cancel()


async def test_a_worker_that_uses_too_much_memory_is_killed(
    parts: AsyncExitStack, tmp_path: Path
) -> None:
    stage = await staged(parts, tmp_path, memory_mb=128, bounds_memory=True)
    answer = await stage.call({"do": "fill", "megabytes": 200})
    assert answer["errorType"] == "Runtime.ExitError"
    assert "of 128 MB" in answer["errorMessage"]
    assert await stage.call({"text": "next"}) == {"text": "next"}


async def test_health_and_metrics_answer_everybody(parts: AsyncExitStack, tmp_path: Path) -> None:
    stage = await staged(parts, tmp_path)
    await stage.call({})
    async with aiohttp.ClientSession(stage.host.endpoint) as session:
        async with session.get("/healthz") as answer:
            assert await answer.json() == {"status": "ok", "room": 2, "running": 0}
        async with session.get("/metrics") as answer:
            assert 'invocations_total{outcome="answered"} 1.0' in await answer.text()
