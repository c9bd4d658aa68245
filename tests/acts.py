"""What can happen to a call in place of the real answer."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.call import Call


@dataclass
class Exchange:
    """A call that a fault is to deal with; `over` is set when the fault ends."""

    call: Call
    forward: Callable[[], Awaitable[bytes]]
    writer: asyncio.StreamWriter
    over: asyncio.Event


Act = Callable[[Exchange], Awaitable[None]]
"""What happens in place of the real answer."""


def answer(status: int, code: str) -> Act:
    """An error in the words of SQS and of Lambda; the call goes no further."""
    body = json.dumps({"__type": f"com.amazonaws#{code}", "message": "told to fail"})
    return page(status, body.encode(), "application/x-amz-json-1.0", f"x-amzn-ErrorType: {code}")


def page(status: int, body: bytes, kind: str = "text/html", *headers: str) -> Act:
    """Whatever somebody on the way has to say; the call goes no further."""

    async def act(exchange: Exchange) -> None:
        say(exchange, status, body, kind, *headers)

    return act


def say(
    exchange: Exchange,
    status: int,
    body: bytes,
    kind: str = "application/x-amz-json-1.0",
    *headers: str,
) -> None:
    """Answer a call."""
    own = (f"Content-Type: {kind}", f"Content-Length: {len(body)}")
    head = "\r\n".join([f"HTTP/1.1 {status} Told", *own, *headers])
    exchange.writer.write(f"{head}\r\n\r\n".encode() + body)


async def reset(exchange: Exchange) -> None:
    """The connection breaks; the call goes no further."""
    reset_connection(exchange.writer)


async def hang(exchange: Exchange) -> None:
    """No answer, for as long as the fault lasts; then nobody knows the connection any more."""
    await exchange.over.wait()
    reset_connection(exchange.writer)


async def swallow(exchange: Exchange) -> None:
    """No answer, ever, even once all others get theirs: nobody knows of the call any more."""
    exchange.call.is_under_way = False
    await asyncio.Event().wait()


async def drip(exchange: Exchange) -> None:
    """Answer a byte every tenth of a second, for as long as the fault lasts; then reset."""
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{")
    while not exchange.over.is_set() and not exchange.writer.is_closing():
        exchange.writer.write(b" ")
        with suppress(TimeoutError):
            await asyncio.wait_for(exchange.over.wait(), 0.1)
    reset_connection(exchange.writer)


async def lose(exchange: Exchange) -> None:
    """The call is done, and the connection breaks before the answer."""
    await _answer_in_part(exchange, 0.0)


async def cut(exchange: Exchange) -> None:
    """The call is done, and half of the answer arrives."""
    await _answer_in_part(exchange, 0.5)


async def _answer_in_part(exchange: Exchange, share: float) -> None:
    whole = await exchange.forward()
    if exchange.over.is_set():
        # Of a long poll, the answer may come when all is well again.
        exchange.writer.write(whole)
    elif share:
        exchange.writer.write(whole[: int(len(whole) * share)])
        exchange.writer.close()
    else:
        reset_connection(exchange.writer)


async def stall(exchange: Exchange) -> None:
    """The real answer, once the fault is over; the call goes no further before."""
    await exchange.over.wait()
    exchange.writer.write(await exchange.forward())


def delay(seconds: float) -> Act:
    """The real answer, late."""

    async def act(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)
        exchange.writer.write(await exchange.forward())

    return act


def reset_connection(writer: asyncio.StreamWriter) -> None:
    """Close without a word: the other side gets a reset, not an end."""
    connection = writer.get_extra_info("socket")
    if connection is not None and not writer.is_closing():
        now = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        writer.transport.abort()
