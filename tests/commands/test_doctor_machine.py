"""doctor on this machine: variables, results folder, ledger and address."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.http import listen
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.commands.doctor import results_folder
from hybridsphere.commands.doctor.check import Check
from hybridsphere.errors import ConfigurationError
from hybridsphere.ledger.ledger import Ledger, ledger_path
from tests.commands.doctor_stage import Patient

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_unknown_variable_is_reported(patient: Patient) -> None:
    patient.set(INPUT_QUEUE="https://example.org/queue")
    check = await patient.complaint("variables")
    assert check.detail == "HYBRIDSPHERE_INPUT_QUEUE is unknown"
    assert check.fix == "correct or remove it; HYBRIDSPHERE_INPUT_QUEUE_URL may be meant"


async def test_variables_of_the_function_are_no_fault(patient: Patient) -> None:
    patient.set(GALLERY="s3://faces/gallery.npz", TOLERANCE="0.5", FRAMES_PER_S="2")
    assert await patient.complaints("variables") == []


@pytest.mark.parametrize(
    ("source", "sink", "name"),
    [
        ("queue", "queue", "INPUT_QUEUE_URL"),
        ("queue", "queue", "OUTPUT_QUEUE_URL"),
        ("direct", "queue", "INPUT_BUCKET"),
        ("bucket", "queue", "FUNCTION_NAME"),
        ("direct", "bucket", "OUTPUT_BUCKET"),
    ],
)
async def test_a_missing_variable_is_reported(
    patient: Patient, source: str, sink: str, name: str
) -> None:
    patient.set(SOURCE=source, SINK=sink, **{name: None})
    check = await patient.complaint("variables")
    assert check.detail == f"HYBRIDSPHERE_{name} is not set"
    assert check.fix


async def test_each_missing_variable_has_a_line(patient: Patient) -> None:
    patient.set(INPUT_BUCKET=None, FUNCTION_NAME=None)
    assert [check.detail for check in await patient.complaints("variables")] == [
        "HYBRIDSPHERE_INPUT_BUCKET is not set",
        "HYBRIDSPHERE_FUNCTION_NAME is not set",
    ]


async def test_a_wrong_source_hides_no_missing_variable(patient: Patient) -> None:
    patient.set(SOURCE="mail", INPUT_BUCKET=None, INPUT_QUEUE_URL=None)
    wrong, bucket, queue = await patient.complaints("variables")
    assert wrong.detail == "HYBRIDSPHERE_SOURCE is 'mail'"
    assert bucket.detail == "HYBRIDSPHERE_INPUT_BUCKET is not set"
    assert queue.detail == "HYBRIDSPHERE_INPUT_QUEUE_URL is not set"
    assert queue.fix.startswith("if HYBRIDSPHERE_SOURCE is queue, it needs the ")


async def test_a_wrong_variable_is_not_called_missing_too(patient: Patient) -> None:
    patient.set(INPUT_BUCKET="s3://bucket")
    check = await patient.complaint("variables")
    assert check.detail == "HYBRIDSPHERE_INPUT_BUCKET is 's3://bucket'"


async def test_a_file_as_the_results_folder_is_reported(patient: Patient) -> None:
    patient.folder.rmdir()
    patient.folder.write_text("not a folder")
    check = await patient.complaint("variables")
    variable = "HYBRIDSPHERE_RESULTS_DIR"
    assert check.detail == f"{variable} stands for {str(patient.folder)!r}, which is a file"
    assert check.fix == "name a folder"


async def test_a_results_folder_below_a_file_is_reported(patient: Patient) -> None:
    patient.folder.rmdir()
    patient.folder.write_text("not a folder")
    patient.set(RESULTS_DIR=str(patient.folder / "below"))
    check = await patient.complaint("disk")
    assert str(patient.folder) in check.detail
    assert "HYBRIDSPHERE_RESULTS_DIR" in check.fix


async def test_a_nearly_full_disk_is_reported(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results_folder, "LEAST_FREE_BYTES", 10**18)
    assert (await patient.complaint("disk")).fix == "make room on the disk"


async def test_a_missing_results_folder_is_not_created(patient: Patient) -> None:
    folder = patient.folder / "not" / "yet"
    patient.set(RESULTS_DIR=str(folder))
    (disk, ledger) = (one for one in await patient.checks() if one.part in {"disk", "ledger"})
    assert (disk.state, ledger.state) == ("note", "note")
    assert f"{folder} does not exist yet" in disk.detail
    assert f"on the disk of {patient.folder}" in disk.detail
    assert list(patient.folder.iterdir()) == []


@pytest.mark.parametrize("exists", [True, False])
async def test_a_mount_point_without_its_disk_is_reported(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, exists: bool
) -> None:
    fstab = tmp_path / "fstab"
    point = patient.folder / "data disk"
    point.mkdir()
    escaped = str(point).replace(" ", r"\040")
    fstab.write_text(f"# none\nUUID=1 / ext4 defaults 0 1\nUUID=2 {escaped} ext4 nofail 0 2\n")
    monkeypatch.setattr(results_folder, "FSTAB", fstab)
    folder = point / "results"
    if exists:
        folder.mkdir()
    patient.set(RESULTS_DIR=str(folder))
    check = await patient.complaint("disk")
    assert check.detail == f"{folder} is on the disk of {point}, which is not mounted"
    assert check.fix == f"mount {point}"
    assert folder.exists() is exists


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.ENOSPC, "make room on the disk"),
        (errno.EDQUOT, "make room on the disk"),
        (errno.EROFS, "mount the disk writable again"),
        (errno.EACCES, "give HYBRIDSPHERE_RESULTS_DIR a folder that can be written to"),
    ],
)
async def test_a_disk_that_refuses_writes_is_reported(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, number: int, fix: str
) -> None:
    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    assert (await patient.complaint("disk")).fix == fix


async def test_a_ledger_of_this_bucket_is_ok_and_unchanged(
    patient: Patient,
) -> None:
    path = await begun(patient, os.environ["HYBRIDSPHERE_INPUT_BUCKET"])
    before = path.read_bytes()
    (found,) = (one for one in await patient.checks() if one.part == "ledger")
    assert found == Check("ledger", f"{path} can be read")
    assert path.read_bytes() == before


async def test_an_unclaimed_ledger_is_ok_and_stays_unclaimed(patient: Patient) -> None:
    path = ledger_path(patient.folder)
    path.parent.mkdir(parents=True)
    Ledger.open(patient.folder).close()
    assert await patient.complaints("ledger") == []
    with Ledger.open(patient.folder) as ledger, ledger.transaction():
        assert ledger.claim("another") == "another"


async def test_a_folder_of_another_bucket_is_reported_as_by_the_bridge(
    patient: Patient,
) -> None:
    await begun(patient, "another-bucket")
    check = await patient.complaint("ledger")
    assert await refusal_of_the_bridge(patient) == f"{check.detail}: {check.fix}"


@pytest.mark.parametrize("rubbish", [b"", b"rubbish" * 1000])
async def test_a_damaged_ledger_is_reported_as_by_the_bridge(
    patient: Patient, rubbish: bytes
) -> None:
    (await begun(patient, "bucket")).write_bytes(rubbish)
    check = await patient.complaint("ledger")
    assert (await refusal_of_the_bridge(patient)).endswith(f"{check.detail}: {check.fix}")


async def test_remains_of_a_ledger_are_reported_as_by_the_bridge(patient: Patient) -> None:
    path = await begun(patient, "bucket")
    path.rename(path.with_name("ledger.sqlite3-wal"))
    check = await patient.complaint("ledger")
    assert (await refusal_of_the_bridge(patient)).endswith(f"{check.detail}: {check.fix}")


async def begun(patient: Patient, bucket: str) -> Path:
    """The file of a ledger that a bridge of this bucket has begun."""
    path = ledger_path(patient.folder)
    path.parent.mkdir(parents=True)
    with Ledger.open(patient.folder) as ledger, ledger.transaction():
        ledger.claim(bucket)
    return path


async def refusal_of_the_bridge(patient: Patient) -> str:
    """Why a bridge would not start on the results folder."""
    with pytest.raises(ConfigurationError) as refused:
        async with ResultStore(patient.folder, Health(), Metrics()) as store:
            await store.refuse_others(os.environ["HYBRIDSPHERE_INPUT_BUCKET"])
    return str(refused.value)


async def test_a_free_port_is_unknown_to_anybody_who_asks(patient: Patient) -> None:
    patient.set(HTTP="127.0.0.1:0")
    checks = await patient.checks()
    (found,) = (one for one in checks if one.part == "address")
    assert found.state == "note"
    assert found.detail.startswith("127.0.0.1:0 can be listened on")


async def test_without_an_address_no_bridge_is_called_well(patient: Patient) -> None:
    (found,) = (one for one in await patient.checks() if one.part == "address")
    assert found.state == "note"


async def test_a_free_address_is_ok(patient: Patient, unused_tcp_port: int) -> None:
    where = f"127.0.0.1:{unused_tcp_port}"
    patient.set(HTTP=where)
    checks = await patient.checks()
    assert Check("address", f"{where} can be listened on") in checks
    assert Check.note("bridge", f"no bridge runs at {where}") in checks


@pytest.mark.parametrize("host", ["192.0.2.1", "x" * 70])
async def test_a_foreign_address_is_reported_as_by_the_bridge(patient: Patient, host: str) -> None:
    patient.set(HTTP=f"{host}:8080")
    check = await patient.complaint("address")
    with pytest.raises(ConfigurationError) as refused:
        async with listen((host, 8080), "bucket", Health(), Metrics()):
            pass
    assert str(refused.value) == f"{check.detail}; {check.fix}"


async def test_another_program_at_the_address_is_reported(patient: Patient) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 no HTTP\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        patient.set(HTTP=f"127.0.0.1:{port}")
        check = await patient.complaint("address")
    assert check.detail.startswith(f"HYBRIDSPHERE_HTTP=127.0.0.1:{port} cannot be listened on: ")
    assert check.detail.endswith(f"; something else answers at 127.0.0.1:{port}")
    assert check.fix == "name another port, 0 for any free one, or nothing to turn it off"


async def test_the_troubles_of_the_bridge_at_the_address_are_reported(
    patient: Patient, unused_tcp_port: int
) -> None:
    bucket, where = os.environ["HYBRIDSPHERE_INPUT_BUCKET"], f"127.0.0.1:{unused_tcp_port}"
    patient.set(HTTP=where)
    health = Health()
    async with listen(("127.0.0.1", unused_tcp_port), bucket, health, Metrics()):
        health.started()
        checks = await patient.checks()
        assert Check("address", f"a bridge of this bucket listens at {where}") in checks
        assert Check("bridge", "ready") in checks
        health.report("results", "OSError: No space left on device")
        check = await patient.complaint("results")
    assert check.detail == "OSError: No space left on device"
    assert check.fix == "make room on the disk"


async def test_a_trouble_that_the_bridge_reports_has_one_line(
    patient: Patient, unused_tcp_port: int, silent: str
) -> None:
    bucket = os.environ["HYBRIDSPHERE_INPUT_BUCKET"]
    patient.set(HTTP=f"127.0.0.1:{unused_tcp_port}")
    patient.environment.setenv("AWS_ENDPOINT_URL", f"http://{silent}")
    health = Health()
    async with listen(("127.0.0.1", unused_tcp_port), bucket, health, Metrics()):
        health.started()
        health.report("input queue", f"ReceiveMessage: cannot connect to {silent}")
        bad = [check.part for check in await patient.checks() if check.is_bad]
    # The bridge has not reported the second and the third.
    queues = ["input queue", "output queue", "dead-letter queue"]
    assert [part for part in bad if part.endswith("queue")] == queues


async def test_a_bridge_of_another_bucket_is_reported(
    patient: Patient, unused_tcp_port: int
) -> None:
    patient.set(HTTP=f"127.0.0.1:{unused_tcp_port}")
    async with listen(("127.0.0.1", unused_tcp_port), "clips", Health(), Metrics()):
        check = await patient.complaint("address")
    assert check.detail.endswith("; the bridge there serves the bucket clips")
    assert check.fix.startswith("name another port")
