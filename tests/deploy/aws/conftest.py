import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.aws.aws_stack import Stack, moto_account
from tests.deploy.aws.command_stubs import Stubs


@pytest.fixture
def no_aws_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the account that the reader's environment names from every test."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "HYBRIDSPHERE_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def stack(no_aws_variables: None) -> Iterator[Stack]:
    """No stack yet, in an account that moto makes up inside this process."""
    with moto_account() as stack:
        yield stack


@pytest.fixture
def stubs(tmp_path: Path) -> Stubs:
    """`aws`, `docker` and `hybridsphere` as commands that only note how they were called."""
    return Stubs(tmp_path)
