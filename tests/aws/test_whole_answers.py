"""Whole answers are read at once, exactly as aiohttp's own parser would read them."""

import asyncio

import pytest
from aiohttp.client_proto import ResponseHandler

from hybridsphere.aws.answers import AnswerReader, whole_answer

PLAIN = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 30 Nov 2026 10:00:00 GMT\r\nContent-Type: text/plain\r\n"
    b"x-amzn-RequestId:  1 \r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}"
)
OTHERS = {
    "error": PLAIN.replace(b"200 OK", b"400 Bad Request"),
    "no content": b"HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n",
    "older": PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunked with a length": PLAIN.replace(b"Date:", b"Transfer-Encoding: chunked\r\nDate:"),
    "compressed": PLAIN.replace(b"Date:", b"Content-Encoding: gzip\r\nDate:"),
    "last": PLAIN.replace(b"keep-alive", b"close"),
    "without a length": PLAIN.replace(b"Content-Length: 2\r\n", b""),
    "two lengths": PLAIN.replace(b"Date:", b"Content-Length: 2\r\nDate:"),
    "two lengths in one": PLAIN.replace(b"Length: 2", b"Length: 2, 2"),
    "signed length": PLAIN.replace(b"Length: 2", b"Length: +2"),
    "padded length": PLAIN.replace(b"Length: 2", b"Length: 02"),
    "too long": PLAIN + b"}",
    "too short": PLAIN[:-1],
    "two": PLAIN + PLAIN,
    "half a head": PLAIN[:40],
    "folded header": PLAIN.replace(b"Date: ", b"Date:\r\n "),
    "bare line feed": PLAIN.replace(b"GMT\r\n", b"GMT\n"),
    "bare carriage return": PLAIN.replace(b"GMT\r\n", b"GMT\rX: 1\r\n"),
    "space before the colon": PLAIN.replace(b"Date:", b"Date :"),
    "not ASCII": PLAIN.replace(b"Mon", b"M\xc3\xb6n"),
    "provisional": b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN,
    "leading blank": b"\r\n" + PLAIN,
    "nothing": b"",
}


def test_a_whole_answer_is_read() -> None:
    answer = whole_answer(PLAIN)
    assert answer is not None
    status, headers, content = answer
    assert (status, content) == (200, b"{}")
    assert headers["x-amzn-requestid"] == "1"
    assert headers["content-length"] == "2"


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_answer_is_left_to_aiohttp(name: str) -> None:
    assert whole_answer(OTHERS[name]) is None


class Transport(asyncio.Transport):
    """A transport that has no other side."""

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None: ...


async def read(*pieces: bytes) -> tuple[int, dict[str, str], bytes, bool]:
    """Read an answer that arrives in pieces; the last value says whether to close."""
    protocol = ResponseHandler(asyncio.get_running_loop())
    protocol.transport = Transport()
    reading = asyncio.create_task(AnswerReader(protocol, 5).read())
    await asyncio.sleep(0)
    for piece in pieces:
        protocol.data_received(piece)
    status, headers, content = await reading
    lower = {name.lower(): value for name, value in headers.items()}
    return status, lower, content, protocol.should_close


async def test_an_answer_is_the_same_however_it_is_cut() -> None:
    whole = await read(PLAIN)
    assert whole[0] == 200
    assert whole[3] is False
    for cut in range(1, len(PLAIN)):
        assert await read(PLAIN[:cut], PLAIN[cut:]) == whole


@pytest.mark.parametrize("second", ["at once", "later"])
async def test_a_second_answer_is_not_kept_for_the_next_request(second: str) -> None:
    pieces = [PLAIN + PLAIN] if second == "at once" else [PLAIN, PLAIN]
    assert (await read(*pieces))[2:] == (b"{}", True)


async def test_a_connection_that_ends_before_the_answer_is_an_error() -> None:
    protocol = ResponseHandler(asyncio.get_running_loop())
    protocol.transport = Transport()
    reading = asyncio.create_task(AnswerReader(protocol, None).read())
    await asyncio.sleep(0)
    protocol.connection_lost(ConnectionResetError(104, "reset"))
    with pytest.raises(OSError, match="reset"):
        await reading


async def test_silence_ends_with_the_time_out() -> None:
    protocol = ResponseHandler(asyncio.get_running_loop())
    protocol.transport = Transport()
    with pytest.raises(TimeoutError):
        await AnswerReader(protocol, 0.01).read()
