"""`/readyz`, status and doctor agree about every fault of docs/operations.md."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    closing,
    suppress,
)
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from hybridsphere.commands.doctor import results_folder
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.troubles import FAILURES_IN_A_ROW, Symptom
from tests.acts import answer
from tests.bridge_process import BridgeProcess, running, started
from tests.faults.agreement_stage import opinions, readyz_links
from tests.faults.fault_stage import Account, Site, Size, opened
from tests.faults.test_storage import can_mount, mount, unmounted_afterwards
from tests.samples import failure_record, record, s3_event
from tests.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class Stage:
    """A running bridge, and the site that can break under it."""

    site: Site
    bridge: BridgeProcess
    address: str
    mounts: bool

    @property
    def variables(self) -> dict[str, str]:
        return self.site.environment(HYBRIDSPHERE_HTTP=self.address)

    async def noticed(self, symptom: Symptom) -> None:
        """Wait until the bridge reports a trouble with this symptom."""

        async def is_noticed() -> bool:
            return symptom.link in (await readyz_links(self.address) or set())

        await until(is_noticed)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(
    account: Account, tmp_path_factory: pytest.TempPathFactory, size: Size
) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("agreement")
    # The disk below is small, and not full.
    least, results_folder.LEAST_FREE_BYTES = results_folder.LEAST_FREE_BYTES, 100_000
    mounts = can_mount()
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(opened(account, folder, size, workers=2))
        site.results.mkdir()
        if mounts:
            mount("-t", "tmpfs", "-o", "size=2m", "none", site.results)
            stack.enter_context(unmounted_afterwards(site.results))
        bridge = await stack.enter_async_context(
            running(site.environment(), site.size.keeping_bridge)
        )
        port = (await bridge.seen("web.listening"))["port"]
        yield Stage(site, bridge, f"127.0.0.1:{port}", mounts)
        assert await bridge.stop() == 0
    results_folder.LEAST_FREE_BYTES = least


Fault = Callable[[Stage], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def no_answer(stage: Stage) -> AsyncIterator[None]:
    async with stage.site.queues.refusing():
        yield


def refusing(status: int, code: str, *operations: str) -> Fault:
    @asynccontextmanager
    async def fault(stage: Stage) -> AsyncIterator[None]:
        with stage.site.queues.failing(answer(status, code), *operations):
            stage.site.queues.drop()
            yield

    return fault


@asynccontextmanager
async def full(stage: Stage) -> AsyncIterator[None]:
    filler = stage.site.results / "filler"
    with filler.open("wb", buffering=0) as file:
        with suppress(OSError):
            while True:
                file.write(bytes(4096))
        await stage.site.upload(["full.mp4"])
        try:
            yield
        finally:
            filler.unlink()


@asynccontextmanager
async def read_only(stage: Stage) -> AsyncIterator[None]:
    results = stage.site.results
    mount("--bind", results, results)
    with unmounted_afterwards(results):
        mount("-o", "remount,bind,ro", results)
        await stage.site.upload(["read_only.mp4"])
        yield


@asynccontextmanager
async def not_mounted(stage: Stage) -> AsyncIterator[None]:
    """The folder is empty, as under a disk that is not mounted."""
    mount("-t", "tmpfs", "-o", "size=2m", "none", stage.site.results)
    with unmounted_afterwards(stage.site.results):
        await stage.site.upload(["not_mounted.mp4"])
        yield


@asynccontextmanager
async def ledger_held(stage: Stage) -> AsyncIterator[None]:
    path = ledger_path(stage.site.results)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await stage.site.upload(["held.mp4"])
        try:
            yield
        finally:
            other.execute("ROLLBACK")


@asynccontextmanager
async def place_taken(stage: Stage) -> AsyncIterator[None]:
    place = stage.site.results / "taken.mp4.csv"
    place.mkdir()
    await stage.site.upload(["taken.mp4"])
    try:
        yield
    finally:
        place.rmdir()


@asynccontextmanager
async def rejected(stage: Stage) -> AsyncIterator[None]:
    """Events of another bucket, as after a slip in the bucket's name."""
    site = stage.site
    # A success among the failures would end their run.
    await site.settled()
    records = [record(f"{number}.mp4", bucket="another") for number in range(FAILURES_IN_A_ROW)]
    await site.send(site.inputs, *map(s3_event, records))
    try:
        yield
    finally:
        await site.upload(["good.mp4"])


@asynccontextmanager
async def failing(stage: Stage) -> AsyncIterator[None]:
    """Lambda gives up every upload, and says so by its on-failure records."""
    site = stage.site
    records = [record(f"{number}.mp4", bucket=site.bucket) for number in range(FAILURES_IN_A_ROW)]
    for one in records:
        await site.send(site.outputs, failure_record(one, condition="RetriesExhausted"))
    try:
        yield
    finally:
        await site.upload(["better.mp4"])


FAULTS: dict[Symptom, Fault] = {
    Symptom.NO_ANSWER: no_answer,
    Symptom.REFUSED_CREDENTIALS: refusing(403, "InvalidClientTokenId"),
    Symptom.PERMISSION: refusing(403, "AccessDenied"),
    Symptom.NOT_THERE: refusing(400, "AWS.SimpleQueueService.NonExistentQueue"),
    Symptom.CLOCK: refusing(403, "RequestTimeTooSkewed"),
    Symptom.DISK_FULL: full,
    Symptom.READ_ONLY: read_only,
    Symptom.NOT_MOUNTED: not_mounted,
    Symptom.LEDGER_HELD: ledger_held,
    Symptom.PLACE_TAKEN: place_taken,
    Symptom.REJECTED: rejected,
    Symptom.FAILING: failing,
}
"""Every fault that a running bridge notices, brought about for real."""

MOUNTING = {Symptom.DISK_FULL, Symptom.READ_ONLY, Symptom.NOT_MOUNTED}


@pytest.mark.parametrize("symptom", FAULTS)
async def test_all_three_agree_about_a_fault_of_a_running_bridge(
    stage: Stage, symptom: Symptom
) -> None:
    if symptom in MOUNTING and not stage.mounts:
        pytest.skip("needs leave to mount, which root has")
    await until(stage.bridge.is_ready)
    async with FAULTS[symptom](stage):
        await stage.noticed(symptom)
        said = await opinions(stage.variables)
        assert not said.readyz_well
        assert not said.status_well
        assert not said.doctor_well
        assert symptom.link in (said.readyz or set())
        # Without a ledger status has nothing to count, and fails.
        assert symptom.link in said.status or symptom is Symptom.NOT_MOUNTED
        assert symptom.link in said.doctor_links
        # Nothing says ok of the bridge, or of the part at fault.
        assert ("bridge", "ok") not in {(check.part, check.state) for check in said.doctor}
    await until(stage.bridge.is_ready)


async def test_all_three_agree_that_all_is_well(stage: Stage) -> None:
    await until(stage.bridge.is_ready)
    said = await opinions(stage.variables)
    assert (said.readyz_well, said.status_well, said.doctor_well) == (True, True, True), said


def beside(stage: Stage, **ours: str) -> dict[str, str]:
    """The variables of another bridge, which does not run; `ours` without their prefix."""
    named = {f"HYBRIDSPHERE_{name}": text for name, text in ours.items()}
    return {**stage.variables, **named}


@dataclass
class Unstarted:
    """A configuration with which no bridge can start."""

    stage: Stage
    silent: str
    folder: Path

    def without_bridge(self) -> dict[str, str]:
        return beside(self.stage, HTTP=self.silent)

    def another_bucket(self) -> dict[str, str]:
        """The variables of a bridge of another bucket, but for the address."""
        with Ledger.open(self._new_folder()) as ledger, ledger.transaction():
            ledger.claim("clips")
        return beside(self.stage, INPUT_BUCKET="clips", RESULTS_DIR=str(self.folder / "results"))

    def another_program(self) -> dict[str, str]:
        host, _, port = self.stage.site.account.endpoint.removeprefix("http://").partition(":")
        return beside(self.stage, HTTP=f"{host}:{port}")

    def no_address(self) -> dict[str, str]:
        return beside(self.stage, HTTP="192.0.2.1:8080")

    def missing_variable(self) -> dict[str, str]:
        return beside(self.stage, HTTP=self.silent, FUNCTION_NAME="")

    def no_credentials(self) -> dict[str, str]:
        return {**self.without_bridge(), "AWS_ACCESS_KEY_ID": "", "AWS_PROFILE": "nobody"}

    def below_a_file(self) -> dict[str, str]:
        (self.folder / "file").touch()
        return beside(self.stage, HTTP=self.silent, RESULTS_DIR=str(self.folder / "file/results"))

    def damaged_ledger(self) -> dict[str, str]:
        Ledger.open(self._new_folder()).close()
        ledger_path(self.folder / "results").write_bytes(b"rubbish" * 1000)
        return beside(self.stage, HTTP=self.silent, RESULTS_DIR=str(self.folder / "results"))

    def _new_folder(self) -> Path:
        ledger_path(self.folder / "results").parent.mkdir(parents=True)
        return self.folder / "results"


UNSTARTED: dict[Symptom, tuple[Callable[[Unstarted], dict[str, str]], Symptom | None]] = {
    Symptom.SILENT: (Unstarted.without_bridge, Symptom.SILENT),
    Symptom.ANOTHER_BUCKET: (Unstarted.another_bucket, Symptom.ANOTHER_BUCKET),
    Symptom.ANOTHER_PROGRAM: (Unstarted.another_program, Symptom.ANOTHER_PROGRAM),
    Symptom.ADDRESS: (Unstarted.no_address, Symptom.SILENT),
    Symptom.VARIABLE: (Unstarted.missing_variable, Symptom.SILENT),
    Symptom.NO_CREDENTIALS: (Unstarted.no_credentials, Symptom.SILENT),
    Symptom.FOLDER: (Unstarted.below_a_file, None),
    Symptom.LEDGER_DAMAGED: (Unstarted.damaged_ledger, None),
}
"""Every fault that keeps a bridge from starting, with what status sees of it; None: no ledger."""


@pytest.mark.parametrize("symptom", UNSTARTED)
async def test_all_three_agree_about_a_bridge_that_cannot_start(
    stage: Stage, silent: str, tmp_path: Path, symptom: Symptom
) -> None:
    configured, seen_by_status = UNSTARTED[symptom]
    said = await opinions(configured(Unstarted(stage, silent, tmp_path)))
    # The bridge of another bucket is well, and this one does not run.
    assert said.readyz_well == (symptom is Symptom.ANOTHER_BUCKET)
    assert not said.status_well
    assert not said.doctor_well
    assert symptom.link in said.doctor_links
    assert said.status == ({seen_by_status.link} if seen_by_status else set())
    assert ("bridge", "ok") not in {(check.part, check.state) for check in said.doctor}


async def test_all_three_agree_that_a_bridge_is_starting(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    ledger_path(folder).parent.mkdir(parents=True)
    Ledger.open(folder).close()
    with closing(sqlite3.connect(ledger_path(folder), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        variables = beside(stage, HTTP="127.0.0.1:0", RESULTS_DIR=str(folder))
        async with started(stage.site.size.bridge, variables) as bridge:
            port = (await bridge.seen("web.listening"))["port"]
            said = await opinions({**variables, "HYBRIDSPHERE_HTTP": f"127.0.0.1:{port}"})
            other.execute("ROLLBACK")
            await bridge.seen("bridge.ready")
            assert await bridge.stop() == 0
    for links in (said.readyz or set(), said.status, said.doctor_links):
        assert Symptom.STARTING.link in links
    assert (said.readyz_well, said.status_well, said.doctor_well) == (False, False, False)


ELSEWHERE = {
    # The bridge works with these, until it crashes: tests/commands/test_doctor.py.
    Symptom.QUEUE_ATTRIBUTES,
    # The same faults as NO_ANSWER, with another reason: tests/test_troubles.py.
    Symptom.PROTOCOL,
    Symptom.STARTING,
    # Results go on meanwhile: tests/test_troubles.py, tests/bridge/faces.
    Symptom.MEMORY_DAMAGED,
    # Only a bridge with private places has these: tests/faults/test_places.py.
    Symptom.HOST,
    Symptom.BUDGET,
}


async def test_no_symptom_is_left_out() -> None:
    assert FAULTS.keys() | UNSTARTED.keys() | ELSEWHERE == set(Symptom)
