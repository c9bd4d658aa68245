"""What all tests share: how hypothesis looks for counterexamples, and no trace left at home."""

import atexit
import os
import tempfile

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

# The same examples in every run, and no database of earlier ones: a test that fails, fails again.
settings.register_profile(
    "hybridsphere",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("hybridsphere")


# What the function keeps in the user's cache where nothing was prepared. Not a fixture: it looks
# there as soon as its tests are collected.
_cache = tempfile.TemporaryDirectory()
atexit.register(_cache.cleanup)
os.environ["XDG_CACHE_HOME"] = _cache.name


@pytest.fixture(autouse=True, scope="session")
def _hypothesis_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keeps hypothesis's own files out of the tree."""
    set_hypothesis_home_dir(str(tmp_path_factory.mktemp("hypothesis")))
