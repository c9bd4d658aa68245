"""From the output queue to the disk."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath

import pytest

from hybridsphere.bridge.collector import Collector
from hybridsphere.bridge.queue import poller
from hybridsphere.bridge.queue.poller import Disposition
from hybridsphere.messages import csv_key
from hybridsphere.paths import OWN_FOLDER, csv_key_of
from tests.bridge.bridge_stage import (
    Journal,
    MakeQueue,
    RealQueue,
    Vitals,
    message,
    polling,
    rows,
    storing,
)
from tests.samples import BUCKET, ODD_KEYS, failure_record, record, result
from tests.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def collecting(
    folder: Path, vitals: Vitals, dead_letters: RealQueue | None = None
) -> AsyncIterator[Collector]:
    async with storing(folder, vitals) as store:
        yield Collector(
            bucket=BUCKET,
            store=store,
            dead_letters=vitals.dead_letters(dead_letters.queue if dead_letters else None),
        )


async def test_a_result_is_durable_when_its_message_is_done(tmp_path: Path, vitals: Vitals) -> None:
    async with collecting(tmp_path, vitals) as collector:
        assert await collector.handle(message(result().to_json())) is Disposition.DELETE
        assert [row.status for row in rows(tmp_path)] == ["matched"]
        assert (tmp_path / "test_0.mp4.csv").read_bytes() == result().csv.encode()


async def test_a_redelivered_message_is_done_and_changes_nothing(
    tmp_path: Path, vitals: Vitals
) -> None:
    async with collecting(tmp_path, vitals) as collector:
        await collector.handle(message(result().to_json()))
        before = rows(tmp_path)
        assert await collector.handle(message(result().to_json())) is Disposition.DELETE
        assert rows(tmp_path) == before


@pytest.mark.parametrize(
    ("condition", "response", "reason"),
    [
        (
            "RetriesExhausted",
            {"responsePayload": {"errorType": "ValueError", "errorMessage": "x"}},
            "RetriesExhausted: ValueError: x",
        ),
        ("EventAgeExceeded", {}, "EventAgeExceeded"),
    ],
)
async def test_a_failure_record_of_lambda_makes_a_failed_upload(
    tmp_path: Path, vitals: Vitals, condition: str, response: dict[str, object], reason: str
) -> None:
    body = failure_record(record("a.mp4"), record("b.mp4"), condition=condition, **response)
    async with collecting(tmp_path, vitals) as collector:
        assert await collector.handle(message(body)) is Disposition.DELETE
    assert [(row.status, row.reason) for row in rows(tmp_path)] == [("failed", reason)] * 2
    assert (tmp_path / "a.mp4.csv").read_bytes() == b"name,major,year,status\r\n,,,failed\r\n"


def everything(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def csvs(folder: Path) -> set[Path]:
    return {path for path in everything(folder) if OWN_FOLDER not in path.parts}


async def test_odd_keys_each_have_a_file_of_their_own_inside_the_folder(
    tmp_path: Path, vitals: Vitals
) -> None:
    folder = tmp_path / "deep" / "results"
    async with collecting(folder, vitals) as collector:
        for key in ODD_KEYS:
            assert await collector.handle(message(result(key).to_json())) is Disposition.DELETE
    # Looked for from further up: nothing may have left the folder.
    written = {
        csv_key_of(PurePosixPath(path.relative_to(folder))): path.read_bytes().decode()
        for path in csvs(tmp_path)
    }
    assert written == {csv_key(key): result(key).csv for key in ODD_KEYS}
    assert [path.name for path in everything(tmp_path) - csvs(tmp_path)] == ["ledger.sqlite3"]


async def test_odd_keys_are_restored_too(tmp_path: Path, vitals: Vitals, journal: Journal) -> None:
    async with collecting(tmp_path, vitals) as collector:
        for key in ODD_KEYS:
            await collector.handle(message(result(key).to_json()))
    written = csvs(tmp_path)
    for path in written:
        path.unlink()
    async with storing(tmp_path):
        await journal.seen("files.restored", files=len(ODD_KEYS))
    assert csvs(tmp_path) == written
    assert len(written) == len(ODD_KEYS)


async def test_blocked_places_stop_no_other_result(
    make_queue: MakeQueue, tmp_path: Path, vitals: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "POSTPONED_S", 1)
    queue, keys = await make_queue(), [f"blocked/{number}.mp4" for number in range(5)]
    (tmp_path / "blocked").touch()
    async with (
        collecting(tmp_path, vitals) as collector,
        polling(queue, collector.handle, most=2) as run,
    ):
        collector.set_aside = run.poller.set_aside
        await queue.send(*(result(key).to_json() for key in keys), result("good.mp4").to_json())
        await until(lambda: [row.key for row in rows(tmp_path)] == ["good.mp4"])
        assert f"file {tmp_path}/blocked" in str(vitals.health.troubles)
        # Those that have room and as many again; the others are back on the queue.
        assert run.vitals.figure("messages_in_flight", queue="input") <= 4
        (tmp_path / "blocked").unlink()
        await until(lambda: len(rows(tmp_path)) == 6)
        await run.end()
    assert await queue.counts() == (0, 0)
    assert {csv_key_of(path.relative_to(tmp_path)) for path in csvs(tmp_path)} == {
        f"{key}.csv" for key in [*keys, "good.mp4"]
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("hello", "not JSON"),
        (json.dumps({"schema": "other/1"}), "schema is 'other/1'"),
        (result(bucket="other-bucket").to_json(), "bucket is other-bucket"),
        (failure_record(record(bucket="other-bucket"), condition="EventAgeExceeded"), "bucket is"),
    ],
)
async def test_a_message_that_is_no_result_is_rejected(
    make_queue: MakeQueue, tmp_path: Path, vitals: Vitals, body: str, reason: str
) -> None:
    dead = await make_queue()
    async with collecting(tmp_path, vitals, dead) as collector:
        assert await collector.handle(message(body)) is Disposition.DELETE
    (letter,) = await dead.read()
    assert letter["Body"] == body
    attributes = letter["MessageAttributes"]
    assert attributes["reason"]["StringValue"].startswith(reason)
    assert attributes["queue"]["StringValue"] == "output"
    assert rows(tmp_path) == []
    assert vitals.figure("messages_rejected_total", queue="output") == 1


async def test_a_mixed_failure_record_keeps_the_part_of_our_bucket(
    make_queue: MakeQueue, tmp_path: Path, vitals: Vitals
) -> None:
    dead = await make_queue()
    body = failure_record(
        record("ours.mp4"), record("theirs.mp4", bucket="other"), condition="EventAgeExceeded"
    )
    async with collecting(tmp_path, vitals, dead) as collector:
        assert await collector.handle(message(body)) is Disposition.DELETE
    assert [row.key for row in rows(tmp_path)] == ["ours.mp4"]
    assert len(await dead.read()) == 1
