from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A results folder that no bridge has used."""
    return tmp_path / "results"
