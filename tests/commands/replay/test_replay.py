"""Replays: which events are sent, what they cost, and what becomes of dead letters."""

import asyncio
import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from aiobotocore.client import AioBaseClient
from botocore.exceptions import ClientError
from click.testing import CliRunner
from click.testing import Result as Ended

from hybridsphere.aws import AwsError
from hybridsphere.cli.app import main
from hybridsphere.commands.replay import letters
from hybridsphere.commands.replay import sender as senders
from hybridsphere.commands.replay.uploads import GONE, ON_THE_WAY, REPLACED
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.ledger.replays import Replays
from hybridsphere.messages import Result, S3Record, parse_s3_event, utc_text
from tests.moto_account import moto_account
from tests.samples import BUCKET, record, result

STORED = "2026-11-21T00:00:09.000Z"


class Account:
    """A bucket and three queues, and the ledger of a bridge that served them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.s3: Any = boto3.client("s3")
        self.sqs: Any = boto3.client("sqs")
        self.urls = {
            name: self.sqs.create_queue(QueueName=f"{name}-{folder.name[-80:]}")["QueueUrl"]
            for name in ("input", "output", "dead_letter")
        }
        ledger_path(folder).parent.mkdir()
        Ledger.open(folder).close()

    def upload(self, key: str, **more: Any) -> Result:
        """Put a video into the bucket and its result into the ledger."""
        etag = self.s3.put_object(Bucket=BUCKET, Key=key, Body=key)["ETag"].strip('"')
        ended = result(key, etag=etag, sequencer=None, **{"status": "failed", "people": ()} | more)
        self.store(ended)
        return ended

    def store(self, ended: Result) -> None:
        with Ledger.open(self.folder) as ledger, ledger.transaction():
            ledger.put_result(ended, STORED)

    def dead_letter(self, body: object, **attributes: str) -> None:
        self.sqs.send_message(
            QueueUrl=self.urls["dead_letter"],
            MessageBody=body if isinstance(body, str) else json.dumps(body),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": text}
                for name, text in attributes.items()
            },
        )

    def run(self, *options: str, answer: str | None = None, **variables: str) -> Ended:
        environment = {
            "HYBRIDSPHERE_RESULTS_DIR": str(self.folder),
            "HYBRIDSPHERE_INPUT_BUCKET": BUCKET,
            "HYBRIDSPHERE_INPUT_QUEUE_URL": self.urls["input"],
            "HYBRIDSPHERE_OUTPUT_QUEUE_URL": self.urls["output"],
            "HYBRIDSPHERE_DEAD_LETTER_QUEUE_URL": self.urls["dead_letter"],
            **variables,
        }
        return CliRunner().invoke(main, ["replay", *options], input=answer, env=environment)

    def report(self, *options: str) -> dict[str, Any]:
        ended = self.run("--yes", "--json", *options)
        found: dict[str, Any] = json.loads(ended.stdout)
        return {"exit": ended.exit_code, **found}

    def messages(self, name: str) -> list[str]:
        """Take all messages from a queue."""
        bodies = []
        while found := self.sqs.receive_message(
            QueueUrl=self.urls[name], MaxNumberOfMessages=10, VisibilityTimeout=60
        ).get("Messages"):
            for message in found:
                bodies.append(message["Body"])
                self.sqs.delete_message(
                    QueueUrl=self.urls[name], ReceiptHandle=message["ReceiptHandle"]
                )
        return bodies

    def events(self) -> list[S3Record]:
        """Take the records from the input queue."""
        return [one for body in self.messages("input") for one in parse_s3_event(body)]


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    with moto_account():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield


@pytest.fixture
def account(aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    # The queues of this account need no long poll to show every message.
    monkeypatch.setattr(letters, "_WAIT_S", 0)
    return Account(tmp_path)


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


def test_events_go_back_to_their_queue_and_the_rest_stays(account: Account) -> None:
    good, foreign = record("good.mp4"), record("foreign.mp4", bucket="another-bucket")
    account.dead_letter(good.to_event(), queue="input", reason="the bucket was another")
    account.dead_letter(foreign.to_event())
    account.dead_letter("nonsense", reason="not JSON")
    account.dead_letter(result("r.mp4").to_json(), queue="output")

    report = account.report("--dead-letters")

    assert (report["replayed"], report["exit"]) == (2, 1)
    assert report["left"] == {f"bucket is another-bucket, not {BUCKET}": 1, "not JSON": 1}
    assert account.events() == [good]
    assert [json.loads(body)["key"] for body in account.messages("output")] == ["r.mp4"]
    # Visible at once, and once only.
    assert len(account.messages("dead_letter")) == 2


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


def test_a_letter_that_cannot_be_sent_stays(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.dead_letter(record("a.mp4").to_event())

    async def refuse(*_: Any) -> list[str | None]:
        raise AwsError("SQS: no")

    monkeypatch.setattr(senders.QueueSender, "send", refuse)
    report = account.report("--dead-letters")

    assert (report["failed"], report["exit"]) == (1, 1)
    assert len(account.messages("dead_letter")) == 1


def test_a_letter_whose_upload_has_its_result_stays(account: Account) -> None:
    account.store(result("done.mp4"))
    account.store(result("failed.mp4", status="failed"))
    account.dead_letter(record("done.mp4").to_event())
    account.dead_letter(record("failed.mp4").to_event())

    report = account.report("--dead-letters")

    assert report["left"] == {"each upload in it has its result": 1}
    assert account.events() == [record("failed.mp4", attempt=2)]


def test_more_letters_than_one_call_takes_are_all_replayed(account: Account) -> None:
    for number in range(23):
        account.dead_letter(record(f"{number}.mp4").to_event())

    report = account.report("--dead-letters")

    assert (report["replayed"], report["exit"]) == (23, 0)
    assert len(account.events()) == 23
    assert account.messages("dead_letter") == []


def test_the_choice_of_uploads_does_not_go_with_dead_letters(account: Account) -> None:
    ended = account.run("--dead-letters", "--status", "failed")

    assert ended.exit_code == 2
    assert "--dead-letters goes with --yes and --json alone" in ended.stderr


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
