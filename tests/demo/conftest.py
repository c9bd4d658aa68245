"""One demo that is played for all the tests which only look at what it left."""

import pytest

from tests.demo.demo_stage import Played, play


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A demo of its own clips, played in a new folder."""
    return play(tmp_path_factory.mktemp("demo"), "--report", "report.json")
