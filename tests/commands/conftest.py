"""The account and the configuration of doctor's tests."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hybridsphere.aws import credentials, session
from hybridsphere.local.account import LocalAccount
from tests.commands.doctor_stage import Patient, session_that_remembers


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def idle_account() -> AsyncIterator[LocalAccount]:
    """An account whose function never runs."""
    async with LocalAccount(workers=1) as account:
        yield account


@pytest_asyncio.fixture(loop_scope="session")
async def patient(
    idle_account: LocalAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Patient]:
    monkeypatch.setattr(credentials, "get_session", session_that_remembers)
    for name in [name for name in os.environ if name.startswith(("AWS_", "HYBRIDSPHERE_"))]:
        monkeypatch.delenv(name)
    for name, text in idle_account.environment().items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    folder = tmp_path / "results"
    folder.mkdir()
    monkeypatch.setenv("HYBRIDSPHERE_RESULTS_DIR", str(folder))
    # The usual address may belong to another program on this machine.
    monkeypatch.setenv("HYBRIDSPHERE_HTTP", "")
    async with session().create_client("sqs") as sqs:
        yield Patient(monkeypatch, sqs, folder)
