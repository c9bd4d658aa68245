"""What the tests of the bridge stand on: real queues, a real function, and the log to wait on."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import structlog
from aiobotocore.session import get_session
from aiohttp import web

from hybridsphere.aws import Bucket, Function, Listed, Message, Queue, client_config
from hybridsphere.bridge.dead_letters import DeadLetters
from hybridsphere.bridge.health import Health
from hybridsphere.bridge.metrics import Metrics
from hybridsphere.bridge.poller import Poller, Verdict
from hybridsphere.bridge.results import ResultStore
from hybridsphere.ledger import Ledger, Upload
from hybridsphere.local.account import CREDENTIALS
from hybridsphere.local.function import FunctionSettings
from hybridsphere.local.lambda_host import LambdaHost
from hybridsphere.local.resources import REGION

PATIENCE_S = 30
"""Far longer than anything here takes; a test that waits so long has failed."""

TASK_ROOT = Path(__file__).parent / "function"
SESSION = get_session()
"""One for all: it remembers the descriptions of the services, which are large."""


def client_of(service: str, endpoint: str) -> Any:
    return SESSION.create_client(
        service,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=client_config(50),
    )


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Waits for what nothing tells of."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(0.01)


class Journal:
    """The log: a processor of structlog that tests can wait on."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self._news = asyncio.Event()

    def __call__(
        self,
        _: object,
        method: str,
        line: MutableMapping[str, Any],
    ) -> MutableMapping[str, Any]:
        self.lines.append({**line, "level": method})
        self._news.set()
        raise structlog.DropEvent

    def of(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        wanted = {"event": event, **fields}
        return [line for line in self.lines if wanted.items() <= line.items()]

    async def seen(self, event: str, *, times: int = 1, **fields: Any) -> dict[str, Any]:
        """The line of an event, once there are so many."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := self.of(event, **fields)) < times:
                self._news.clear()
                await self._news.wait()
        return found[times - 1]


@dataclass
class RealQueue:
    """A queue of moto's server, seen from outside the bridge."""

    client: Any
    url: str

    @property
    def queue(self) -> Queue:
        """The same as the bridge sees it."""
        return Queue(self.client, self.url)

    async def send(self, *bodies: str) -> None:
        for body in bodies:
            await self.client.send_message(QueueUrl=self.url, MessageBody=body)

    async def counts(self) -> tuple[int, int]:
        """How many messages are visible, and how many in flight."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        answer = await self.client.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=list(names)
        )
        return int(answer["Attributes"][names[0]]), int(answer["Attributes"][names[1]])

    async def read(self) -> list[dict[str, Any]]:
        """Up to ten messages, with their attributes."""
        answer = await self.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return list(answer.get("Messages", []))


MakeQueue = Callable[[], Awaitable[RealQueue]]


class Policy:
    """Stands between a bridge and its queue, and denies actions of SQS as IAM does."""

    def __init__(self, endpoint: str) -> None:
        self.denied: set[str] = set()
        self._endpoint = endpoint

    @asynccontextmanager
    async def enforced(self) -> AsyncIterator[Any]:
        """A client to whom it applies."""
        async with aiohttp.ClientSession(self._endpoint) as self._session:
            runner = web.ServerRunner(web.Server(self._pass, access_log=None), shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            async with client_of("sqs", f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
                yield client
            await runner.cleanup()

    async def _pass(self, request: web.BaseRequest) -> web.Response:
        action = request.headers["X-Amz-Target"].partition(".")[2]
        if action in self.denied:
            answer = {"__type": "com.amazonaws.sqs#AccessDeniedException", "message": action}
            return web.json_response(answer, status=403)
        names = ("Authorization", "Content-Type", "X-Amz-Target")
        headers = {name: request.headers[name] for name in names}
        body = await request.read()
        async with self._session.post(request.path, data=body, headers=headers) as answered:
            return web.Response(body=await answered.read(), status=answered.status)


@dataclass
class RealBucket:
    """A bucket of moto's server, seen from outside the bridge."""

    client: Any
    name: str

    @property
    def bucket(self) -> Bucket:
        """The same as the bridge sees it."""
        return Bucket(self.client, self.name)

    async def put(
        self, key: str, content: bytes = b"x", metadata: Mapping[str, str] | None = None
    ) -> None:
        await self.client.put_object(
            Bucket=self.name, Key=key, Body=content, Metadata=metadata or {}
        )

    async def remove(self, *keys: str) -> None:
        for key in keys:
            await self.client.delete_object(Bucket=self.name, Key=key)

    async def begin(self) -> None:
        """Make the bucket."""
        await self.client.create_bucket(Bucket=self.name)

    async def end(self) -> None:
        """Unmake the bucket, which is empty."""
        await self.client.delete_bucket(Bucket=self.name)

    async def listed(self, key: str) -> Listed:
        """An object as the listing shows it now."""
        return next(one for one in await self.all() if one.key == key)

    async def all(self) -> list[Listed]:
        return [one async for page in self.bucket.pages() for one in page]


MakeBucket = Callable[[], Awaitable[RealBucket]]


def message(body: str) -> Message:
    """A message as the pollers hand it over."""
    return Message(id="m1", receipt_handle="r1", body=body)


@dataclass
class Vitals:
    """Health and metrics of one bridge, with figures by the names that Prometheus sees."""

    health: Health = field(default_factory=Health)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.health.started()

    def figure(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"hybridsphere_{name}", labels) or 0.0

    def dead_letters(self, queue: Queue | None = None) -> DeadLetters:
        return DeadLetters(queue, self.health, self.metrics)


@asynccontextmanager
async def storing(folder: Path, vitals: Vitals | None = None) -> AsyncIterator[ResultStore]:
    """A result store at work."""
    vitals = vitals or Vitals()
    async with ResultStore(folder, vitals.health, vitals.metrics) as store:
        work = asyncio.create_task(store.run())
        try:
            yield store
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def rows(folder: Path) -> list[Upload]:
    with Ledger.read(folder) as ledger:
        return list(ledger.uploads())


class Handler:
    """A handler that notes what it is given, and holds it until the test lets it go."""

    def __init__(self, verdict: Verdict = Verdict.DONE, *, hold: bool = False) -> None:
        self.bodies: list[str] = []
        self.present = 0
        self.most_present = 0
        self.go = asyncio.Event()
        self._verdict = verdict
        if not hold:
            self.go.set()

    async def __call__(self, message: Message) -> Verdict:
        self.bodies.append(message.body)
        self.present += 1
        self.most_present = max(self.present, self.most_present)
        try:
            await self.go.wait()
        finally:
            self.present -= 1
        return self._verdict

    async def has(self, *bodies: str) -> None:
        await until(lambda: sorted(self.bodies) == sorted(bodies))


class Tap:
    """A gate that the test closes and opens."""

    def __init__(self) -> None:
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.asked = asyncio.Event()

    async def __call__(self) -> None:
        if not self.is_open.is_set():
            self.asked.set()
        await self.is_open.wait()


@dataclass
class Polling:
    """A poller at work."""

    vitals: Vitals
    stop: asyncio.Event
    task: asyncio.Task[None]

    async def end(self) -> None:
        self.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await self.task


@asynccontextmanager
async def polling(
    source: RealQueue,
    handler: Callable[[Message], Awaitable[Verdict]],
    *,
    most: int = 100,
    gate: Tap | None = None,
    drain_s: float = 10,
) -> AsyncIterator[Polling]:
    vitals = Vitals()
    poller = Poller(
        "input",
        source.queue,
        handler,
        most=most,
        gate=gate or Tap(),
        health=vitals.health,
        metrics=vitals.metrics,
    )
    stop = asyncio.Event()
    task = asyncio.create_task(poller.run(stop, drain_s))
    try:
        yield Polling(vitals, stop, task)
    finally:
        stop.set()
        await task


class Gate:
    """Where invocations of the function wait until the test lets them go on."""

    def __init__(self) -> None:
        self.waiting = 0
        self._arrived = asyncio.Event()
        self._opened = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._welcome, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.open()
        self._server.close()

    def open(self) -> None:
        self._opened.set()

    async def arrivals(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.waiting < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def _welcome(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.waiting += 1
        self._arrived.set()
        await self._opened.wait()
        writer.close()


@dataclass
class RealFunction:
    """The function of `function/chosen.py` in a Lambda host, and what it was given."""

    endpoint: str
    client: Any
    gate: Gate
    _seen: Path

    def function(self, invocation_type: str = "Event") -> Function:
        return Function(self.client, "chosen", invocation_type)

    def events(self) -> list[dict[str, Any]]:
        if not self._seen.exists():
            return []
        return [json.loads(line) for line in self._seen.read_text().splitlines()]

    async def invoked(self, count: int) -> list[dict[str, Any]]:
        await until(lambda: len(self.events()) >= count)
        return self.events()


@asynccontextmanager
async def serving(
    folder: Path, *, concurrency: int, on_failure: Any, log: Any
) -> AsyncIterator[RealFunction]:
    async with Gate() as gate:
        seen = folder / "seen"
        settings = FunctionSettings(
            name="chosen",
            handler="chosen.handler",
            timeout_s=60,
            memory_mb=256,
            reserved_concurrency=concurrency,
            environment={"SEEN": str(seen), "GATE": str(gate.port)},
        )
        async with (
            LambdaHost(
                settings,
                task_root=TASK_ROOT,
                on_failure=on_failure,
                retry_scale=0.0001,
                log=log,
            ) as host,
            client_of("lambda", host.endpoint) as client,
        ):
            yield RealFunction(host.endpoint, client, gate, seen)
