import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tool() -> Callable[[str], str]:
    """Finds a command, be it Python's neighbour, of `make deploy-check` or on the PATH; the test
    is skipped where it is missing.
    """

    def find(name: str) -> str:
        ours = [Path(sys.executable).parent, ROOT / ".cache/deploy/bin"]
        places = [*map(str, ours), os.environ.get("PATH", os.defpath)]
        return shutil.which(name, path=os.pathsep.join(places)) or pytest.skip(
            f"{name} is not installed"
        )

    return find
