"""The cloud, started once, and a user's shell on it; the tests run in the order of their file."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.cloud.client import Client
from tests.deploy.cloud.cloud import Cloud, running_cloud
from tests.deploy.cloud.packages import install
from tests.deploy.cloud.requirements import obstacle
from tests.deploy.cloud.shell import Shell

VALUES = {
    "REPOSITORY": "https://git.example.org/hybridsphere.git",
    "PROJECT-": "demo-",
}
"""Values for the page's placeholders. No machine boots, so nothing is fetched from the address."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts these tests back into their order, or skips them by name where the cloud cannot run.

    Each test begins where the last one ended.
    """
    here = Path(__file__).parent
    places = [index for index, item in enumerate(items) if item.path.parent == here]
    ours = sorted((items[index] for index in places), key=lambda item: item.location[1] or 0)
    reason = obstacle(Path(tempfile.gettempdir())) if ours else None
    for index, item in zip(places, ours, strict=True):
        items[index] = item
        if reason:
            item.add_marker(pytest.mark.skip(reason=f"make openstack-check {reason}"))


@pytest.fixture(scope="session")
def folder() -> Path:
    """A folder outside of the tree, whose logs stay."""
    return Path(tempfile.mkdtemp(prefix="hybridsphere-openstack-"))


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest, folder: Path) -> Callable[[str], None]:
    """Prints how far the check has got, and keeps it in the log."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    began = time.monotonic()

    def say(text: str) -> None:
        line = f"[{time.monotonic() - began:4.0f} s] {text}\n"
        with capture.global_and_fixture_disabled():
            sys.stdout.write(line)
            sys.stdout.flush()
        with (folder / "check.log").open("a", encoding="utf-8") as log:
            log.write(line)

    return say


@pytest.fixture(scope="session")
def cloud(folder: Path, say: Callable[[str], None]) -> Iterator[Cloud]:
    """The running cloud."""
    say(f"the logs are in {folder}")
    install(folder / "apt.log", say)
    with running_cloud(folder / "cloud", say) as started:
        yield started
    say(f"the cloud is gone; its logs are in {folder}")


@pytest.fixture(scope="session")
def shell(cloud: Cloud, folder: Path, say: Callable[[str], None]) -> Shell:
    """A shell of the user `demo`."""
    made = Shell(cloud.folder / "user", cloud.services, VALUES, folder / "commands.log", say)
    made.prepare()
    (made.folder / "demo-openrc.sh").write_text(cloud.login("demo"), encoding="utf-8")
    return made


@pytest.fixture(scope="session")
def before(cloud: Cloud) -> dict[str, list[str]]:
    """All that there was before the first stack."""
    return cloud.inventory()


@pytest.fixture(scope="session")
def client(shell: Shell, cloud: Cloud) -> Client:
    """The client that the shell has installed."""
    return Client(shell, cloud)


@pytest.fixture(scope="session")
def with_heat() -> dict[str, list[str]]:
    """The names of all that the stack of the bridge has made, for a comparison."""
    return {}
