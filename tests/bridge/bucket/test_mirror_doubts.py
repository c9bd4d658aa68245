"""Answers that are not the object's: nothing is set aside, or believed, for one of them."""

import gzip
from collections.abc import Callable

import pytest

from hybridsphere.messages import csv_text
from tests.acts import Act, Exchange
from tests.bridge.bridge_stage import Journal
from tests.bridge.bucket.mirror_stage import FAILURE_RECORDS, Site
from tests.proxy import Proxy
from tests.samples import failure_record, record
from tests.stage import client_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

Answer = tuple[dict[str, str], bytes]
"""The headers of an answer, in lower case, and its body."""


def compressed(answer: Answer) -> Answer:
    headers, body = answer
    return {**headers, "content-encoding": "gzip"}, gzip.compress(body)


def cut_short(answer: Answer) -> Answer:
    headers, body = answer
    return headers, body[: len(body) // 2]


def emptied(answer: Answer) -> Answer:
    return answer[0], b""


def scrambled(answer: Answer) -> Answer:
    headers, body = answer
    return headers, body.swapcase()


def undecodable(answer: Answer) -> Answer:
    headers, body = answer
    return headers, b"\xff" * len(body)


def without_metadata(answer: Answer) -> Answer:
    headers, body = answer
    kept = {name: value for name, value in headers.items() if "x-amz-meta" not in name}
    return kept, body


LIES = [compressed, cut_short, emptied, scrambled, undecodable, without_metadata]


def telling(lie: Callable[[Answer], Answer], times: int) -> Act:
    """Let S3 answer, and change the first answers with an object."""
    left = iter(range(times))

    async def act(exchange: Exchange) -> None:
        whole = await exchange.forward()
        if "list-type" not in exchange.call.path and next(left, None) is not None:
            whole = changed(whole, lie)
        exchange.writer.write(whole)

    return act


def changed(whole: bytes, lie: Callable[[Answer], Answer]) -> bytes:
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    headers, body = lie(({name.lower(): value for name, _, value in pairs}, body))
    headers["content-length"] = str(len(body))
    text = "\r\n".join([first, *(f"{name}: {value}" for name, value in headers.items())])
    return text.encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("lie", LIES)
async def test_a_false_answer_delays_a_result_and_changes_nothing(
    *, site: Site, moto: str, lie: Callable[[Answer], Answer], times: int
) -> None:
    await site.put(site.of("a.mp4"), site.of("b.mp4"))
    async with (
        Proxy(moto) as proxy,
        client_of("s3", proxy.endpoint) as client,
    ):
        with proxy.failing(telling(lie, times)):
            async with site.mirroring(client=client):
                await site.fetched("a.mp4", "b.mp4")
    for row in site.rows():
        assert row.csv == site.of(row.key).csv
        assert site.file(row.key) == site.of(row.key).csv.encode()
    assert site.rejected == 0


async def test_an_etag_that_is_no_digest_is_believed_in_time(site: Site, moto: str) -> None:
    """Some servers' ETags look like digests and are not."""
    await site.put(site.of())
    listed = await site.output.listed("test_0.mp4.csv")
    other = "0" * 32

    async def rename(exchange: Exchange) -> None:
        call = exchange.call
        call.raw = call.raw.replace(other.encode(), listed.etag.encode())
        whole = (await exchange.forward()).replace(listed.etag.encode(), other.encode())
        exchange.writer.write(changed(whole, lambda answer: answer))

    async with (
        Proxy(moto) as proxy,
        client_of("s3", proxy.endpoint) as client,
    ):
        with proxy.failing(rename):
            async with site.mirroring(client=client):
                await site.fetched("test_0.mp4")
        assert len([call for call in proxy.calls if "list-type" not in call.path]) == 3
    assert site.file() == site.of().csv.encode()


@pytest.mark.parametrize(
    "key", [f"{FAILURE_RECORDS}f/2026/11/21/x.mp4", f"{FAILURE_RECORDS}x", "aws/lambda/y.mp4"]
)
async def test_a_video_below_lambda_s_prefix_has_its_result(site: Site, key: str) -> None:
    await site.put(site.of(key))
    await site.fail(failure_record(record("failed.mp4"), condition="RetriesExhausted"))
    async with site.mirroring():
        found = await site.fetched(key, "failed.mp4")
    assert (found[key].status, found["failed.mp4"].status) == ("matched", "failed")
    assert site.file(key) == site.of(key).csv.encode()
    assert site.rejected == 0


@pytest.mark.parametrize("key", ["records/1.json", "x.csv", f"{FAILURE_RECORDS}1"])
async def test_a_failure_record_counts_wherever_it_lies(site: Site, key: str) -> None:
    text = failure_record(record("failed.mp4"), condition="RetriesExhausted")
    await site.output.put(key, text.encode())
    async with site.mirroring():
        found = await site.fetched("failed.mp4")
    assert found["failed.mp4"].status == "failed"


async def test_a_result_without_metadata_is_no_failure_record(site: Site, journal: Journal) -> None:
    await site.output.put("x.csv", site.of().to_json().encode())
    async with site.mirroring():
        line = await journal.seen("object.rejected")
    assert line["reason"] == "no metadata of a CSV, and no failure record"
    assert site.rows() == []


async def test_a_field_of_any_length_comes_to_the_disk(site: Site) -> None:
    long = site.of(csv=csv_text([("a" * 131_073, "", "", "matched")]))
    await site.put(long)
    async with site.mirroring():
        await site.fetched("test_0.mp4")
    assert site.file() == long.csv.encode()
