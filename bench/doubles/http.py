"""The part of HTTP/1.1 that the double needs, in as little time as possible.

A framework would take most of the double's time, and the double would limit every figure. This
server relies on two habits of AWS's clients: a `Content-Length` with every body, and no further
request on a connection before the answer.
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
    etag: str = ""

    def encoded(self) -> bytes:
        etag = f"ETag: {self.etag}\r\n" if self.etag else ""
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
            f"Content-Type: {self.content_type}\r\nContent-Length: {len(self.body)}\r\n"
            f"{etag}\r\n"
        )
        return head.encode() + self.body


Answer = Callable[[Request], Awaitable[Response]]


class Connection(asyncio.Protocol):
    """A client's connection; a separate task answers each request."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._received = b""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio.Transport.
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
            # The double does not understand the request: report it to the bridge and the terminal.
            traceback.print_exc()
            response = Response(repr(error).encode(), HTTPStatus.INTERNAL_SERVER_ERROR)
        self._transport.write(response.encoded())


def _request(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in lines)
    return Request(
        first.split(" ", 2)[1], {name.lower(): value.strip() for name, _, value in fields}, b""
    )
