"""Answers of AWS, read from a connection of aiohttp.

Nearly every answer arrives whole, with a length and a plain head. Such an answer is read here, in a
fraction of the time. Any other answer goes to aiohttp's own parser, byte for byte.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from aiohttp.helpers import set_exception

Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers and content; look headers up by their names in lower case."""

_HEAD = re.compile(
    r"HTTP/1\.1 (20[02])(?: [ -~]*)?((?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ -~]*)+)", re.ASCII
)
"""The head of an answer that reports success, with its headers."""

_SPECIAL = {"transfer-encoding", "content-encoding", "upgrade", "trailer"}
"""Headers that give the content another form."""


def whole_answer(data: bytes) -> Answer | None:
    """Read an answer that is plain and whole; None for any other, or for more than one."""
    head, _, content = data.partition(b"\r\n\r\n")
    try:
        found = _HEAD.fullmatch(head.decode("ascii"))
    except UnicodeDecodeError:
        return None
    if found is None:
        return None
    lines = found[2].split("\r\n")[1:]
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip(" ")
    if len(headers) < len(lines) or not _SPECIAL.isdisjoint(headers):
        return None
    if headers.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    if headers.get("content-length") != str(len(content)):
        return None
    return int(found[1]), headers, content


class AnswerReader:
    """The reader of one answer, put before the parser of a connection's `protocol`.

    aiohttp calls it as it calls the parser of a WebSocket (`feed_data`, `feed_eof`) and that
    parser's payload (`is_eof`, `set_exception`).
    """

    def __init__(self, protocol: Any, read_timeout_s: float | None) -> None:
        self._protocol = protocol
        self._read_timeout_s = read_timeout_s
        self._whole: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        # Also drops the time-out of an earlier answer.
        protocol.set_parser(self, self)

    async def read(self) -> Answer:
        """Return the answer; call this right after the request was written.

        Raises aiohttp's errors. The connection may be released afterwards.
        """
        protocol = self._protocol
        protocol.read_timeout = self._read_timeout_s
        if self._read_timeout_s:
            protocol.start_timeout()
        if answer := await self._whole:
            return answer
        message, payload = await protocol.read()
        while message.code < 200:
            # A provisional answer ends the time-out.
            protocol.start_timeout()
            message, payload = await protocol.read()
        return message.code, message.headers, await payload.read()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take the first bytes of an answer; both values returned are for aiohttp."""
        self._protocol.set_parser(None, None)
        answer = whole_answer(data)
        if answer is None:
            self._protocol.set_response_params(
                read_until_eof=True, auto_decompress=False, read_timeout=self._read_timeout_s
            )
            self._protocol.data_received(data)
        self._end(answer)
        return False, b""

    def feed_eof(self) -> None:
        """Note the end of the connection; its error comes from `protocol.read`."""
        self._end(None)

    def set_exception(self, *_: BaseException) -> None:
        """Note a time-out; its error comes from `protocol.read`."""
        self._end(None)

    def expire(self, limit_s: float) -> None:
        """End the wait for an answer, wherever it stands, with a TimeoutError."""
        protocol, error = self._protocol, TimeoutError(f"no answer within {limit_s:g} s")
        # As aiohttp ends a silence.
        protocol.set_exception(error)
        payload = protocol._payload  # noqa: SLF001
        if payload is not None:
            set_exception(payload, error)

    def is_eof(self) -> bool:
        """Say whether the answer has come."""
        return self._whole.done()

    def _end(self, answer: Answer | None) -> None:
        if not self._whole.done():
            self._whole.set_result(answer)
