"""A TCP proxy between the bridge and AWS, at which calls fail as the test says.

Each call goes upstream on a connection of its own; towards the bridge a connection is kept for as
long as the bridge likes.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.acts import Act, Exchange, reset_connection
from tests.call import Call, read_call

_LIMIT = 16 * 1024**2
"""Bytes that a connection holds for us at most; the answer to a receive can have megabytes."""


@dataclass
class Fault:
    """An act for some operations, or for all; `left` calls, or for as long as it is there.

    `passing` calls are let through first.
    """

    act: Act
    operations: tuple[str, ...]
    left: int | None
    passing: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def takes(self, call: Call) -> bool:
        if self.left == 0 or (self.operations and call.operation not in self.operations):
            return False
        if self.passing:
            self.passing -= 1
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Proxy:
    """An async context manager that listens on a free port in front of `upstream`, an endpoint.

    With `short_polls`, a long poll is one of a second: moto goes on with those that nobody waits
    for any more, and what they take is away for the visibility time-out.
    """

    def __init__(self, upstream: str, *, short_polls: bool = False) -> None:
        host, _, port = upstream.removeprefix("http://").partition(":")
        self._upstream = host, int(port)
        self._short_polls = short_polls
        self.calls: list[Call] = []
        self._news = asyncio.Event()
        self._faults: list[Fault] = []
        self._connections: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        # Holds the port while nobody listens on it, so that connections are refused meanwhile.
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._holder.bind(("127.0.0.1", 0))
        self.port: int = self._holder.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._holder.close()

    async def arrived(self, count: int) -> None:
        """Wait until so many calls have arrived since the beginning."""
        while len(self.calls) < count:
            self._news.clear()
            await self._news.wait()

    def of(self, *operations: str, since: float = 0.0, queue: str = "") -> list[Call]:
        """The calls of these operations, the oldest first."""
        return [
            call
            for call in self.calls
            if call.operation in operations and call.at >= since and call.queue.endswith(queue)
        ]

    @contextmanager
    def failing(
        self, act: Act, *operations: str, calls: int | None = None, after: int = 0
    ) -> Iterator[Fault]:
        """While it lasts, calls of these operations fail: all after `after`, or `calls` of them."""
        fault = Fault(act, operations, calls, after)
        self._faults.append(fault)
        try:
            yield fault
        finally:
            self._faults.remove(fault)
            fault.over.set()

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[None]:
        """While it lasts, nobody listens, and connections that were there are reset."""
        self._server.close()
        self.drop()
        try:
            yield
        finally:
            await self._listen()

    def drop(self) -> None:
        """Reset all connections, whatever is under way."""
        for writer in self._connections:
            reset_connection(writer)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._welcome, "127.0.0.1", self.port, reuse_port=True, limit=_LIMIT
        )

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._connections.add(writer)
        # A bridge that goes away, or is killed, is what these tests are about.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._serve(reader, writer)
        self._connections.discard(writer)
        self._tasks.discard(task)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            call = await read_call(reader)
            self.calls.append(call)
            self._news.set()

            async def forward(call: Call = call) -> bytes:
                return await self._forward(call)

            fault = next((fault for fault in self._faults if fault.takes(call)), None)
            try:
                if fault:
                    await fault.act(Exchange(call, forward, writer, fault.over))
                else:
                    writer.write(await forward())
            finally:
                call.is_under_way = False
            await writer.drain()

    async def _forward(self, call: Call) -> bytes:
        """The real answer, whole, without what it says of its own connection."""
        raw = call.raw.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        if self._short_polls:
            # As long as it was, so that the length that stands in front still holds.
            raw = re.sub(rb'("WaitTimeSeconds": ?)20', rb"\g<1>1 ", raw)
        reader, writer = await asyncio.open_connection(*self._upstream, limit=_LIMIT)
        try:
            writer.write(raw)
            head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        finally:
            writer.close()
        call.answer, call.answered_at = body, asyncio.get_running_loop().time()
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection")]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body
