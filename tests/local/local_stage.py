"""What the tests of the account stand on: the probe, clients, and a gate to hold it at."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from hybridsphere.host.function import FunctionSettings
from hybridsphere.local.account import CREDENTIALS
from hybridsphere.local.lambda_host import LambdaHost

TASK_ROOT = Path(__file__).parent / "function"

PROBE = FunctionSettings(
    name="probe",
    handler="probe.handler",
    timeout_s=30,
    memory_mb=256,
    reserved_concurrency=2,
    environment={"GREETING": "hello"},
)

_SESSION = get_session()
"""One for all: it remembers the descriptions of the services, which are large."""


@dataclass
class Lambda:
    """A Lambda host with a real client in front of it."""

    host: LambdaHost
    client: Any
    failures: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    async def invoke(self, event: object, kind: str = "RequestResponse", **more: str) -> Any:
        more = {"FunctionName": "probe", "InvocationType": kind, **more}
        return await self.client.invoke(Payload=json.dumps(event).encode(), **more)

    async def call(self, event: object, **more: str) -> Any:
        """The function's answer, or the error payload."""
        answer = await self.invoke(event, **more)
        return json.loads(await answer["Payload"].read())


StartLambda = Callable[..., Awaitable[Lambda]]
Client = Callable[[str], Awaitable[Any]]


@dataclass
class Visitor:
    """An invocation that waits at the gate."""

    pid: int
    request_id: str
    _writer: asyncio.StreamWriter

    def tell(self, order: str) -> None:
        """Lets it go on: its answer is the order, unless that is `fail`."""
        self._writer.write(f"{order}\n".encode())
        self._writer.close()


class Gate:
    """Where invocations of the probe wait until the test lets them go on."""

    def __init__(self) -> None:
        self.present = 0
        self.most_present = 0
        self._arrivals: asyncio.Queue[Visitor] = asyncio.Queue()

    def event(self) -> dict[str, Any]:
        return {"do": "visit", "gate": self.port}

    async def arrival(self) -> Visitor:
        return await self._arrivals.get()

    async def open(self) -> asyncio.Server:
        server = await asyncio.start_server(self._welcome, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pid, request_id = (await reader.readline()).decode().split()
        self.present += 1
        self.most_present = max(self.present, self.most_present)
        self._arrivals.put_nowait(Visitor(int(pid), request_id, writer))
        await reader.read()
        self.present -= 1
        writer.close()


async def gone(pid: int) -> None:
    """Waits until a process, whosever child, has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), 20)
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def client_of(service: str, endpoint: str) -> Any:
    return _SESSION.create_client(
        service,
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=AioConfig(retries={"total_max_attempts": 1}),
    )
