"""Replays of uploads: which events are sent, and what they cost."""

import asyncio
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.client import AioBaseClient
from botocore.exceptions import ClientError

from hybridsphere.aws import AwsError
from hybridsphere.commands.replay import sender as senders
from hybridsphere.commands.replay.uploads import GONE, ON_THE_WAY, REPLACED
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.ledger.replays import Replays
from hybridsphere.messages import utc_text
from tests.commands.replay.replay_stage import STORED, Account
from tests.samples import BUCKET, result


def test_failed_and_unreadable_uploads_are_sent_with_the_next_attempt(account: Account) -> None:
    failed = account.upload("a b.mp4")
    unreadable = account.upload("b.mp4", status="unreadable", reason="damaged")
    account.upload("c.mp4", status="matched")

    ended = account.run("--yes")

    assert (ended.exit_code, ended.stdout) == (0, "2 uploads replayed\n")
    assert {(one.key, one.version.id, one.attempt) for one in account.events()} == {
        (failed.key, failed.version.id, 2),
        (unreadable.key, unreadable.version.id, 2),
    }


def test_the_count_and_the_cost_are_asked_for(account: Account) -> None:
    account.upload("a.mp4")

    refused = account.run(answer="n\n")

    assert "Replay 1 upload (1 failed): 1 invocation of the function. Go on?" in refused.stderr
    assert (refused.exit_code, account.events()) == (2, [])
    assert account.run(answer="y\n").exit_code == 0
    assert len(account.events()) == 1


@pytest.mark.parametrize(
    ("billed_ms", "price"),
    [(60_000, "about 0.04 USD"), (1000, "less than 0.01 USD"), (None, "")],
)
def test_the_price_is_that_of_the_last_videos(
    account: Account, billed_ms: int | None, price: str
) -> None:
    account.upload("a.mp4")
    account.upload("b.mp4")
    with Ledger.open(account.folder) as ledger, ledger.transaction():
        done = result(
            "done.mp4", place="lambda", billed_ms=billed_ms, memory_mb=1024 if billed_ms else None
        )
        ledger.put_result(replace(done, billed_ms=billed_ms and 20 * billed_ms), utc_text())

    asked = account.run(answer="n\n").stderr

    assert (f", {price} if they all run in Lambda." in asked) == bool(price)
    assert ("USD" in asked) == bool(price)


def test_a_second_replay_leaves_out_what_is_on_its_way(account: Account) -> None:
    ended = account.upload("a.mp4")
    account.report()

    again = account.report()

    assert (again["replayed"], again["left"], again["exit"]) == (0, {ON_THE_WAY: 1}, 0)
    account.store(replace(ended, attempt=2))
    account.report()
    assert sorted(one.attempt for one in account.events()) == [2, 3]


def test_a_replay_without_a_result_is_repeated_once_it_counts_as_lost(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.upload("a.mp4")
    account.report()
    monkeypatch.setattr("hybridsphere.ledger.replays.LONGEST_H", -1)

    account.report()

    assert sorted(one.attempt for one in account.events()) == [2, 3]


def test_objects_that_are_gone_or_replaced_are_not_sent(account: Account) -> None:
    account.upload("gone.mp4")
    account.s3.delete_object(Bucket=BUCKET, Key="gone.mp4")
    account.upload("new.mp4")
    account.s3.put_object(Bucket=BUCKET, Key="new.mp4", Body=b"another video")

    report = account.report()

    assert report["left"] == {GONE: 1, REPLACED: 1}
    assert (report["replayed"], report["failed"], report["exit"]) == (0, 0, 0)
    assert account.events() == []


def test_keys_that_may_only_list_find_missing_objects_too(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.upload("a.mp4")
    account.upload("gone.mp4")
    account.s3.delete_object(Bucket=BUCKET, Key="gone.mp4")
    account.upload("gone.mp4.part")
    denied = ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 403}}, "HeadObject")
    call = AioBaseClient._make_api_call

    async def refuse(self: Any, operation: str, arguments: Any) -> Any:
        if operation == "HeadObject":
            raise denied
        return await call(self, operation, arguments)

    monkeypatch.setattr(AioBaseClient, "_make_api_call", refuse)

    assert account.report("--key", "a.mp4")["replayed"] == 1
    assert account.report("--key", "gone.mp4")["left"] == {GONE: 1}


def test_versions_that_were_replaced_are_not_chosen(account: Account) -> None:
    old = account.upload("a.mp4")
    account.store(
        replace(old, etag="newer", event_time="2026-11-22T00:00:00.000Z", status="matched")
    )

    assert account.report()["replayed"] == 0


def test_a_person_a_prefix_and_a_time_choose(account: Account) -> None:
    account.upload("art/a.mp4", status="matched", people=result().people)
    account.upload("art/b.mp4")
    account.upload("maths/a.mp4", status="matched", people=result().people)

    account.report("--person", "president_trump", "--key", "art/")

    assert [one.key for one in account.events()] == ["art/a.mp4"]
    assert account.report("--since", "2026-11-22")["replayed"] == 0


def test_an_interruption_leaves_noted_what_was_sent(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(25):
        account.upload(f"{number:02}.mp4")
    send = senders.QueueSender.send
    calls = 0

    async def interrupted(self: Any, records: Any) -> list[str | None]:
        nonlocal calls
        calls += 1
        if calls == 3:
            signal.raise_signal(signal.SIGINT)
            await asyncio.Event().wait()
        return await send(self, records)

    with monkeypatch.context() as patch:
        patch.setattr(senders.QueueSender, "send", interrupted)
        ended = account.run("--yes")

    assert ended.exit_code == 130
    account.report()
    sent = account.events()
    assert {one.key for one in sent} == {f"{number:02}.mp4" for number in range(25)}
    assert {one.attempt for one in sent} == {2}


def test_what_the_queue_refuses_is_a_failure(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.upload("a.mp4")

    async def refuse(*_: Any) -> list[str | None]:
        raise AwsError("SQS: no")

    with monkeypatch.context() as patch:
        patch.setattr(senders.QueueSender, "send", refuse)
        report = account.report()

    assert (report["failed"], report["left"], report["exit"]) == (1, {"SQS: no": 1}, 1)
    assert account.report()["replayed"] == 1


def test_nothing_to_replay_is_no_question(account: Account) -> None:
    ended = account.run()

    assert (ended.exit_code, ended.stdout) == (0, "0 uploads replayed\n")


def test_each_reason_is_listed_with_its_keys_in_80_columns(account: Account) -> None:
    for number in range(30):
        account.upload(f"{'folder/' * 20}{number:02}.mp4")
        account.s3.delete_object(Bucket=BUCKET, Key=f"{'folder/' * 20}{number:02}.mp4")

    lines = account.run("--yes").stdout.splitlines()

    assert lines[:2] == ["0 uploads replayed", "30 not: gone"]
    assert len(lines) == 2 + 20 + 1
    assert lines[2].endswith("folder/00.mp4")
    assert lines[-1] == "  and 10 more; --json lists up to 1,000"
    assert max(map(len, lines)) <= 80


def test_without_an_input_queue_the_function_is_needed(account: Account) -> None:
    ended = account.run("--yes", HYBRIDSPHERE_SOURCE="bucket")

    assert ended.exit_code == 2
    assert "HYBRIDSPHERE_FUNCTION_NAME is not set" in ended.stderr


def test_replays_end_with_their_uploads(tmp_path: Path) -> None:
    ledger_path(tmp_path).parent.mkdir()
    with Ledger.open(tmp_path) as ledger:
        replays = Replays(ledger)
        with ledger.transaction():
            ledger.put_result(result(status="failed"), STORED)
        (upload,) = ledger.uploads()
        again = replays.next(upload)
        assert again
        with ledger.transaction():
            replays.note(upload, again)
            ledger.expire("2027-01-01T00:00:00.000Z", 10)
        Replays(ledger)
        assert ledger._connection.execute("SELECT count(*) FROM replays").fetchone() == (0,)
