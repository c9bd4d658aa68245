"""The account of the tests of replays."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from hybridsphere.commands.replay import letters
from tests.commands.replay.replay_stage import Account
from tests.moto_account import moto_account
from tests.samples import BUCKET


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
