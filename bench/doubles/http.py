"""As much of HTTP/1.1 as the double needs, for as little time as can be.

A framework would take most of what the double has, and then the double would be what is measured.
It relies on what the clients of AWS do: a `Content-Length` with every body, and no further request
on a connection before the answer.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast


@dataclass(slots=True)
class Request:
    """A request; the names of its headers are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Response:
    body: bytes = b"{}"
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "application/json"

    def encoded(self) -> bytes:
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
            f"Content-Type: {self.content_type}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


Answer = Callable[[Request], Awaitable[Response]]


class Connection(asyncio.Protocol):
    """A client's connection: each request is answered in a task of its own."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._received = b""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A transport of uvloop is none of asyncio by its class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        request = _request(head)
        length = int(request.headers.get("content-length", 0))
        if len(rest) < length:
            return
        request.body, self._received = rest[:length], rest[length:]
        self._task = asyncio.get_running_loop().create_task(self._respond(request))

    def connection_lost(self, _: Exception | None) -> None:
        # A long poll that nobody waits for any more takes no message.
        if self._task:
            self._task.cancel()

    async def _respond(self, request: Request) -> None:
        try:
            response = await self._answer(request)
        except Exception as error:  # noqa: BLE001
            # A request that the double does not understand: the bridge is told, and the terminal.
            traceback.print_exc()
            response = Response(repr(error).encode(), HTTPStatus.INTERNAL_SERVER_ERROR)
        self._transport.write(response.encoded())


def _request(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in lines)
    return Request(
        first.split(" ", 2)[1], {name.lower(): value.strip() for name, _, value in fields}, b""
    )
