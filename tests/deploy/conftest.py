import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tool() -> Callable[[str], str]:
    """Finds a command beside Python, of `make deploy-tools` or on the PATH; skips the test where
    it is missing.
    """

    def find(name: str) -> str:
        tools = (ROOT / ".cache" / name / "bin" for name in ("deploy", "account", "kubernetes"))
        ours = [Path(sys.executable).parent, *tools]
        places = [*map(str, ours), os.environ.get("PATH", os.defpath)]
        return shutil.which(name, path=os.pathsep.join(places)) or pytest.skip(
            f"{name} is not installed"
        )

    return find
