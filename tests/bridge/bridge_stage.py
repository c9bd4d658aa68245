"""The stage of the bridge's tests: real queues, a real function, and the log to wait on."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import structlog

from hybridsphere.aws import Bucket, Function, Listed, Message, Queue
from hybridsphere.bridge.dead_letters import DeadLetters
from hybridsphere.bridge.queue.poller import Disposition, Poller
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.host.function import FunctionSettings
from hybridsphere.ledger.ledger import Ledger, Upload
from hybridsphere.local.lambda_host import LambdaHost
from tests.acts import Exchange, say
from tests.proxy import Proxy
from tests.stage import PATIENCE_S, Log, client_of, counts_of, until

TASK_ROOT = Path(__file__).parent / "function"


class Journal(Log):
    """The log of this process: a processor of structlog."""

    def __call__(
        self,
        _: object,
        method: str,
        line: MutableMapping[str, Any],
    ) -> MutableMapping[str, Any]:
        self.add({**line, "level": method})
        raise structlog.DropEvent


@dataclass
class RealQueue:
    """A queue of the moto server, seen from outside the bridge."""

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
        return await counts_of(self.client, self.url)

    async def count(self) -> int:
        """Count all messages: moto may hide some from a bridge that has ended.

        moto keeps an abandoned poll open, and may hand a released message to it.
        """
        return sum(await self.counts())

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


@asynccontextmanager
async def proxied(
    queue: RealQueue, moto: str, *, short_polls: bool = False, read_timeout_s: float = 30
) -> AsyncIterator[tuple[Proxy, RealQueue]]:
    """A moto queue seen through a proxy, and that proxy."""
    async with (
        Proxy(moto, short_polls=short_polls) as proxy,
        client_of("sqs", proxy.endpoint, read_timeout_s) as client,
    ):
        yield proxy, RealQueue(client, queue.url)


@dataclass
class RealBucket:
    """A bucket of the moto server, seen from outside the bridge."""

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
        return DeadLetters(queue, self.metrics, self.health)


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

    def __init__(
        self, disposition: Disposition = Disposition.DELETE, *, hold: bool = False
    ) -> None:
        self.bodies: list[str] = []
        self.present = 0
        self.most_present = 0
        self.go = asyncio.Event()
        self._disposition = disposition
        if not hold:
            self.go.set()

    async def __call__(self, message: Message) -> Disposition:
        self.bodies.append(message.body)
        self.present += 1
        self.most_present = max(self.present, self.most_present)
        try:
            await self.go.wait()
        finally:
            self.present -= 1
        return self._disposition

    async def has(self, *bodies: str) -> None:
        await until(lambda: sorted(self.bodies) == sorted(bodies))


class Refusals:
    """An SQS that refuses some messages of a batch, and serves the others.

    It refuses them for good, or for their first `receipts` receipts.
    """

    def __init__(
        self,
        queue: RealQueue,
        handler: Handler,
        bodies: Sequence[str],
        *,
        sender_fault: bool = True,
        receipts: int | None = None,
    ) -> None:
        self.tries: Counter[str] = Counter()
        self._queue = queue
        self._handler = handler
        self._bodies = Counter(dict.fromkeys(bodies, 1_000 if receipts is None else receipts))
        self._refused: set[str] = set()
        self._sender_fault = sender_fault

    async def handle(self, message: Message) -> Disposition:
        """Note whether its receipt is to be refused, and hand a message on."""
        if self._bodies[message.body] > 0:
            self._bodies[message.body] -= 1
            self._refused.add(message.receipt_handle)
        return await self._handler(message)

    async def act(self, exchange: Exchange) -> None:
        entries = json.loads(exchange.call.body)["Entries"]
        refused = [entry for entry in entries if entry["ReceiptHandle"] in self._refused]
        self.tries.update(entry["ReceiptHandle"] for entry in refused)
        done = [entry for entry in entries if entry not in refused]
        if done:
            await self._do(exchange.call.operation, done)
        failed = [
            {"Id": entry["Id"], "Code": "Mystery", "SenderFault": self._sender_fault}
            for entry in refused
        ]
        answer = {"Successful": [{"Id": entry["Id"]} for entry in done], "Failed": failed}
        say(exchange, 200, json.dumps(answer).encode())

    async def _do(self, operation: str, entries: list[dict[str, Any]]) -> None:
        client, url = self._queue.client, self._queue.url
        if operation == "DeleteMessageBatch":
            await client.delete_message_batch(QueueUrl=url, Entries=entries)
        else:
            await client.change_message_visibility_batch(QueueUrl=url, Entries=entries)


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
    poller: Poller

    async def end(self) -> None:
        self.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await self.task


@asynccontextmanager
async def polling(
    source: RealQueue,
    handler: Callable[[Message], Awaitable[Disposition]],
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
        yield Polling(vitals, stop, task, poller)
    finally:
        stop.set()
        await task


class Gate:
    """A gate at which invocations of the function wait until the test opens it."""

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
