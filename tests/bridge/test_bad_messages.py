"""Bad messages on a queue: each is rejected at once with a reason, and the next one is handled."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from hybridsphere.messages import parse_s3_event
from tests.bridge.bridge_stage import Journal, MakeQueue, RealFunction, RealQueue, rows
from tests.bridge.service_stage import enter, running
from tests.samples import BUCKET, failure_record, record, result, s3_event
from tests.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

HALF = s3_event(record())[:-20]
HALF_RESULT = result().to_json()[:-20]
MEGABYTE = "x" * 1_000_000
NESTED = '{"Records":' + "[" * 100_000

ON_EITHER = {
    "no JSON": ("hello", "not JSON"),
    "a blank": (" ", "not JSON"),
    "a list": ("[]", "message is [], not a JSON object"),
    "a megabyte of nothing": (MEGABYTE, "not JSON"),
    "a megabyte of blanks": (" " * 1_000_000, "not JSON"),
    "too deep": (NESTED, "not JSON"),
    "half a surrogate pair": ('{"Records": "\\ud800"}', "not JSON"),
}
ON_INPUT = {
    **ON_EITHER,
    "wrong JSON": ('{"hello": "world"}', "not an S3 event"),
    "half an event": (HALF, "not JSON"),
    "an event without its half": ('{"Records": [{"eventName": "ObjectCreated:Put"}]}', "s3 is"),
    "another bucket": (s3_event(record(bucket="other-bucket")), "bucket is other-bucket"),
    "a result": (result().to_json(), "not an S3 event"),
    "a long field": (s3_event(record()).replace("ObjectCreated", "k" * 400_000), "eventName is"),
}
ON_OUTPUT = {
    **ON_EITHER,
    "wrong JSON": ('{"hello": "world"}', "schema is missing"),
    "half a result": (HALF_RESULT, "not JSON"),
    "a result without its half": ('{"schema": "hybridsphere.result/1"}', "bucket is missing"),
    "another bucket": (result(bucket="other-bucket").to_json(), "bucket is other-bucket"),
    "an event": (s3_event(record()), "schema is missing"),
    "a failure of nothing": (
        json.dumps({"requestContext": {"condition": "x"}, "requestPayload": {}}),
        "not an S3 event",
    ),
    "a failure of another bucket": (
        failure_record(record(bucket="other-bucket"), condition="RetriesExhausted"),
        "bucket is other-bucket",
    ),
    "a status that there is not": (result(status="bogus").to_json(), "status is 'bogus'"),
}


@pytest.mark.parametrize(("source", "bodies"), [("input", ON_INPUT), ("output", ON_OUTPUT)])
async def test_bad_messages_are_rejected_and_the_good_one_is_handled(
    *,
    moto: str,
    make_queue: MakeQueue,
    start_function: Callable[[], Awaitable[RealFunction]],
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    source: str,
    bodies: dict[str, tuple[str, str]],
) -> None:
    inputs, outputs, dead = await make_queue(), await make_queue(), await make_queue()
    function = await start_function()
    urls = {"INPUT_QUEUE_URL": inputs.url, "OUTPUT_QUEUE_URL": outputs.url}
    urls["DEAD_LETTER_QUEUE_URL"] = dead.url
    names = {"INPUT_BUCKET": BUCKET, "FUNCTION_NAME": "chosen", "RESULTS_DIR": str(tmp_path)}
    # With one message at a time, a stuck one would block all others.
    enter(monkeypatch, moto, function, **urls, **names, MAX_IN_FLIGHT="1")
    queue, good = (inputs, s3_event(record())) if source == "input" else (outputs, None)
    await queue.send(*(body for body, _ in bodies.values()), good or result().to_json())

    async with running(journal) as bridge:
        await until(lambda: drained(queue))
        letters = await taken(dead, len(bodies))
        if source == "input":
            events = await function.invoked(1)
            assert [parse_s3_event(event) for event in events] == [[record()]]
        else:
            assert [row.key for row in rows(tmp_path)] == [record().key]
        figures = await metrics(bridge.port)
        await bridge.end()

    assert f'hybridsphere_messages_rejected_total{{queue="{source}"}} {len(bodies):.1f}' in figures
    lines = [line["reason"] for line in journal.of("message.rejected", queue=source, stored=True)]
    assert len(lines) == len(bodies)
    assert all(len(line) < 500 for line in lines)
    for body, reason in bodies.values():
        told = [letter for letter in letters if body.startswith(letter["Body"])]
        assert [letter for letter in told if letter["reason"].startswith(reason)], reason
    for letter in letters:
        assert letter["queue"] == source
        assert sum(len(text.encode()) for text in letter.values()) < 1024 * 1024
    assert journal.of("message.unhandled") == []


async def drained(queue: RealQueue) -> bool:
    return await queue.counts() == (0, 0)


async def taken(dead: RealQueue, count: int) -> list[dict[str, str]]:
    """Take `count` dead letters: body and attributes."""
    letters: list[dict[str, str]] = []
    while len(letters) < count:
        for letter in await dead.read():
            attributes = letter["MessageAttributes"]
            texts = {name: attributes[name]["StringValue"] for name in ("reason", "queue")}
            letters.append({"Body": letter["Body"], **texts})
    return letters


async def metrics(port: int) -> list[str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        return (await answer.text()).splitlines()
