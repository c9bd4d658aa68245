"""The function's package on this machine."""

import importlib.util
from pathlib import Path

from hybridsphere.errors import CannotRun


def folder_of(handler: str) -> Path:
    """Find the folder of a handler's package, without importing it; raises CannotRun."""
    package = handler.partition(".")[0]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CannotRun(
            f"the function's package {package} is not installed",
            hint="run `make setup` in a clone",
        )
    return Path(next(iter(spec.submodule_search_locations))).parent
