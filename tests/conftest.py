"""What all tests share: how hypothesis looks for counterexamples."""

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


@pytest.fixture(autouse=True, scope="session")
def _hypothesis_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keeps hypothesis's own files out of the tree."""
    set_hypothesis_home_dir(str(tmp_path_factory.mktemp("hypothesis")))
