from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridsphere.memory.memory import Memory, memory_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A results folder without a memory."""
    memory_path(tmp_path).parent.mkdir()
    return tmp_path


@pytest.fixture
def memory(folder: Path) -> Iterator[Memory]:
    with Memory.open(folder) as memory:
        yield memory
