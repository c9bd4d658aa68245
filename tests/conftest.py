"""What all tests share: how hypothesis looks for counterexamples, the search of all logs, and no
trace left at home.
"""

import atexit
import gc
import importlib
import importlib.util
import os
import signal
import socket
import sys
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio
from botocore import loaders
from hypothesis import HealthCheck, is_hypothesis_test, settings
from hypothesis import seed as seeded
from hypothesis.configuration import set_hypothesis_home_dir

from tests import leaks, no_process, no_videos
from tests.leaks import pytest_runtest_makereport
from tests.no_process import pytest_runtest_call, pytest_runtest_setup

__all__ = ["pytest_runtest_call", "pytest_runtest_makereport", "pytest_runtest_setup"]

# The same examples in every run, and no database of earlier ones: a test that fails, fails again.
settings.register_profile(
    "hybridsphere",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("hybridsphere")
# Others in every soak, and more of them.
settings.register_profile("soak", settings.get_profile("hybridsphere"), max_examples=2000)

FIXED_SEED = 6


# What the function keeps in the user's cache where nothing was prepared. Not a fixture: it looks
# there as soon as its tests are collected.
_cache = tempfile.TemporaryDirectory()
atexit.register(_cache.cleanup)
os.environ["XDG_CACHE_HOME"] = _cache.name


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return two processes a core, eight at most: half of a test's time is waiting."""
    return min(2 * len(os.sched_getaffinity(0)), 8)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from tests.distribution import SlowestFirst  # noqa: PLC0415 - works without pytest-xdist

    return SlowestFirst(config, log)


class _Lazy(ModuleType):
    """A module that is loaded at the first use of its contents, not where it is imported."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        del sys.modules[self.__name__]
        loaded = importlib.import_module(self.__name__)
        self.__dict__.update(vars(loaded))
        return getattr(loaded, name)


def load_lazily(name: str) -> None:
    """Load a module at the first use of its contents, wherever it is imported.

    importlib's LazyLoader loads at the second import already, as that asks for `__spec__`.
    """
    spec = importlib.util.find_spec(name)
    if spec is not None and name not in sys.modules:
        sys.modules[name] = module = _Lazy(name)
        module.__spec__ = spec


def pytest_configure(config: pytest.Config) -> None:
    """Lets nothing go through a proxy of the reader's: everything here is on loop-back, but what
    images are built of and OpenStack's packages.
    """
    # It takes two seconds, in each process that collects the tests.
    load_lazily("face_recognition")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell has it ignored in the background, and processes would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.option.markexpr not in {"images", "openstack"}:
        for name in list(os.environ):
            if name.lower().endswith("_proxy"):
                del os.environ[name]
    if config.option.soak:
        settings.load_profile("soak")
    if config.option.no_process:
        no_process.install()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Gives hypothesis the seed of a soak, and drops what --no-process or --no-videos leave out."""
    dropped: set[pytest.Item] = set()
    if config.option.no_process:
        # The option would have to skip these.
        dropped |= {item for item in items if no_process.needs_processes(item)}
    if config.option.no_videos:
        dropped |= {item for item in items if no_videos.looks_at_videos(item)}
    if dropped:
        items[:] = [item for item in items if item not in dropped]
        config.hook.pytest_deselected(items=list(dropped))
    for item in items if config.option.soak else ():
        if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
            seeded(seed_of(config))(item.function)


def pytest_collection_finish() -> None:
    """Keep the collector from what is loaded by now: to walk through all of it takes 0.3 s."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _hypothesis_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keeps hypothesis's own files out of the tree."""
    set_hypothesis_home_dir(str(tmp_path_factory.mktemp("hypothesis")))


@pytest.fixture(autouse=True, scope="session")
def _descriptions_are_read_once() -> Iterator[None]:
    """Shares the descriptions of AWS's services between all sessions of botocore.

    A session reads megabytes of JSON, which takes longer than most tests that need one.
    """
    read: dict[str | None, dict[Any, Any]] = defaultdict(dict)

    def create_loader(search_path: str | None = None) -> loaders.Loader:
        loader = loaders.create_loader(search_path)
        loader._cache = read[search_path]
        return loader

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", create_loader)
        yield


@pytest.fixture(autouse=True, scope="session")
def _logs_hold_no_secrets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Gives the local account a secret that can be told from other words, and looks for it."""
    from hybridsphere.local.account import CREDENTIALS  # noqa: PLC0415 - heavy

    CREDENTIALS["AWS_SECRET_ACCESS_KEY"] = leaks.SECRET
    yield
    assert leaks.found_in_files(tmp_path_factory.getbasetemp()) == {}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def moto() -> AsyncIterator[str]:
    """The endpoint of a moto server in its own process, one for all tests of this process.

    Each test makes buckets and queues that no other test knows.
    """
    from hybridsphere.local.moto_server import MotoServer  # noqa: PLC0415 - heavy

    async with MotoServer() as server:
        yield server.endpoint


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="break things for long, on many inputs")
    parser.addoption("--no-process", action="store_true", help="skip tests that start a process")
    parser.addoption("--no-videos", action="store_true", help="drop tests of many videos")


@pytest.fixture(scope="session")
def soak(pytestconfig: pytest.Config) -> bool:
    """Whether tests are to last: on many more inputs, for three quarters of an hour."""
    return bool(pytestconfig.getoption("--soak"))


def seed_of(config: pytest.Config) -> int:
    """What chance begins with: the same in every run but a soak, which has pytest-randomly's.

    That stands at the top of what pytest prints, and `--randomly-seed=…` repeats it.
    """
    drawn = config.getoption("randomly_seed", FIXED_SEED)
    return int(drawn) if config.option.soak else FIXED_SEED


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    return seed_of(pytestconfig)


@pytest.fixture
def silent() -> Iterator[str]:
    """An address at which nobody listens: bound, or another test might meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        host, port = held.getsockname()
        yield f"{host}:{port}"


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str], *, soak: bool) -> Callable[[str], None]:
    """Shows how far a soak has got."""

    def tell(text: str) -> None:
        if soak:
            with capsys.disabled():
                sys.stdout.write(f"\n{text}")
                sys.stdout.flush()

    return tell
