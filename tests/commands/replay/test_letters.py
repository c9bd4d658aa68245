"""Replays of dead letters: what becomes of each, and of those that an interrupted run held."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends

from hybridsphere.aws import AwsError
from hybridsphere.commands.replay import letters
from hybridsphere.commands.replay import sender as senders
from hybridsphere.ledger.ledger import Ledger
from tests.commands.replay.replay_stage import Account
from tests.samples import BUCKET, record, result


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


_KILLED = """
import os, signal
from hybridsphere.cli.app import main
from hybridsphere.commands.replay import letters

letters._WAIT_S = 0
delete = letters._Letters._delete
deleted = 0

async def stop(self, letter):
    global deleted
    if deleted == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    deleted += 1
    return await delete(self, letter)

letters._Letters._delete = stop
main(["replay", "--dead-letters", "--yes"])
"""
"""A replay that is killed after it has sent ten letters and deleted three of them."""


def kill_half_way(account: Account) -> None:
    environment = {**os.environ, **account.environment}
    command = [sys.executable, "-c", _KILLED]
    ended = subprocess.run(command, env=environment, check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL


def show_again(account: Account) -> None:
    """Let the time pass for which the letters are hidden."""
    queues = sqs_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].queues
    for message in queues[account.urls["dead_letter"].rpartition("/")[2]]._messages:
        message.visible_at = 0


def end(account: Account) -> None:
    """Store a result of every event, as the function and the bridge would."""
    for event in account.events():
        account.store(result(event.key, attempt=event.attempt))


def test_a_killed_run_hides_its_letters_and_the_next_one_says_so(account: Account) -> None:
    for number in range(12):
        account.dead_letter(record(f"{number:02}.mp4").to_event())
    kill_half_way(account)

    report = account.report("--dead-letters")

    # Ten were received at once; three of them were deleted.
    assert (report["replayed"], report["hidden"], report["exit"]) == (2, 7, 1)
    assert report["hidden_until"] > "2026"
    text = account.run("--dead-letters", "--yes")
    assert text.exit_code == 1
    assert text.stdout.startswith("0 dead letters replayed\n7 hidden: another replay holds them")
    assert max(map(len, text.stdout.splitlines())) <= 80


def test_letters_that_were_sent_and_not_deleted_double_no_row(account: Account) -> None:
    for number in range(12):
        account.dead_letter(record(f"{number:02}.mp4").to_event())
    account.store(result("00.mp4", status="failed"))
    kill_half_way(account)
    show_again(account)

    report = account.report("--dead-letters")

    assert (report["replayed"], report["hidden"], report["exit"]) == (9, 0, 0)
    end(account)
    with Ledger.read(account.folder) as ledger:
        rows = [(one.key, one.status) for one in ledger.uploads()]
    assert sorted(rows) == [(f"{number:02}.mp4", "matched") for number in range(12)]


def test_a_letter_that_is_sent_once_more_after_its_result_stays(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.store(result("a.mp4", status="failed"))
    account.dead_letter(record("a.mp4").to_event())

    async def refuse(*_: Any) -> str:
        return "SQS: no"

    with monkeypatch.context() as patch:
        patch.setattr(letters._Letters, "_delete", refuse)
        report = account.report("--dead-letters")
    assert report["left"] == {"replayed, but not deleted: SQS: no": 1}
    again = account.report("--dead-letters")
    assert again["replayed"] == 1
    assert [one.attempt for one in account.events()] == [2, 2]

    account.store(result("a.mp4", attempt=2))
    account.dead_letter(record("a.mp4").to_event())
    assert account.report("--dead-letters")["left"] == {"each upload in it has its result": 1}


def test_two_letters_of_one_upload_share_its_fate(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        account.dead_letter(record("a.mp4").to_event())

    async def refuse(*_: Any) -> list[str | None]:
        raise AwsError("SQS: no")

    with monkeypatch.context() as patch:
        patch.setattr(senders.QueueSender, "send", refuse)
        report = account.report("--dead-letters")
    assert (report["replayed"], report["failed"]) == (0, 2)
    assert account.report("--dead-letters")["replayed"] == 2
    assert account.events() == [record("a.mp4")]
