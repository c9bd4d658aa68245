from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridsphere.ledger.ledger import Ledger, ledger_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A results folder without a ledger."""
    ledger_path(tmp_path).parent.mkdir()
    return tmp_path


@pytest.fixture
def ledger(folder: Path) -> Iterator[Ledger]:
    with Ledger.open(folder) as ledger:
        yield ledger
