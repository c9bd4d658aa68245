from pathlib import Path

import pytest

from tests.commands.decide.decide_stage import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
