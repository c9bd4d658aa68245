"""What is found out about a configuration, against a real account, and what is left behind there:
nothing.
"""

import asyncio
import errno
import json
import os
import stat
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiobotocore.session import AioSession, get_session
from aiohttp import web
from aiohttp.test_utils import TestServer

from hybridsphere.aws import clients, session
from hybridsphere.bridge.store.store import ResultStore
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.http import listen
from hybridsphere.bridge.telemetry.metrics import Metrics
from hybridsphere.commands.doctor import doctor
from hybridsphere.commands.doctor.check import Finding
from hybridsphere.commands.doctor.doctor import examine
from hybridsphere.errors import ConfigurationError
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.local.account import LocalAccount

pytestmark = pytest.mark.asyncio(loop_scope="session")

COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def account() -> AsyncIterator[LocalAccount]:
    """An account whose function is never run."""
    async with LocalAccount(workers=1) as account:
        yield account


def session_that_remembers() -> AioSession:
    """A session like any other, but for the descriptions of the services, which are large."""
    made = get_session()
    made.register_component("data_loader", LOADER)
    return made


LOADER = get_session().get_component("data_loader")


@dataclass
class Patient:
    """A configuration that could work, as the environment; and what it names, from outside."""

    environment: pytest.MonkeyPatch
    sqs: Any
    folder: Path

    def set(self, **variables: str | None) -> None:
        """Change variables, named without their prefix; None removes one."""
        for name, text in variables.items():
            if text is None:
                self.environment.delenv(f"HYBRIDSPHERE_{name}")
            else:
                self.environment.setenv(f"HYBRIDSPHERE_{name}", text)

    async def make_queue(self, name: str, **attributes: str) -> str:
        """A new queue's URL, also in the variable of that name; without redrive unless given."""
        made = await self.sqs.create_queue(
            QueueName=f"{name}-{self.folder.parent.name}"[:80].lower(), Attributes=attributes
        )
        self.set(**{f"{name}_QUEUE_URL": made["QueueUrl"]})
        return str(made["QueueUrl"])

    async def redrive(self, receives: int) -> str:
        """A redrive policy to a new queue."""
        url = await self.make_queue("DEAD_LETTER")
        answer = await self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        target = answer["Attributes"]["QueueArn"]
        return json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": receives})

    async def findings(self) -> list[Finding]:
        return [finding async for finding in examine()]

    async def complaints(self, part: str) -> list[Finding]:
        """What is wrong, all of which is about that part."""
        bad = [finding for finding in await self.findings() if not finding.well]
        assert {finding.part for finding in bad} <= {part}, bad
        return bad

    async def complaint(self, part: str) -> Finding:
        """The one thing that is wrong."""
        (bad,) = await self.complaints(part)
        return bad

    async def counts(self) -> dict[str, tuple[int, int]]:
        """Visible messages and those in flight, of every queue of the account."""
        found = {}
        for url in (await self.sqs.list_queues())["QueueUrls"]:
            answer = await self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(COUNTS))
            visible, in_flight = (int(answer["Attributes"][name]) for name in COUNTS)
            found[url] = (visible, in_flight)
        return found


@pytest_asyncio.fixture(loop_scope="session")
async def patient(
    account: LocalAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Patient]:
    monkeypatch.setattr(clients, "get_session", session_that_remembers)
    for name in [name for name in os.environ if name.startswith(("AWS_", "HYBRIDSPHERE_"))]:
        monkeypatch.delenv(name)
    for name, text in account.environment().items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("HYBRIDSPHERE_RESULTS_DIR", str(tmp_path / "results"))
    # The usual address may be another program's on this machine.
    monkeypatch.setenv("HYBRIDSPHERE_HTTP", "")
    async with session().create_client("sqs") as sqs:
        yield Patient(monkeypatch, sqs, tmp_path / "results")


NEEDED = {
    ("queue", "queue"): {
        "input queue: sqs:ReceiveMessage allowed",
        "input queue: sqs:DeleteMessage allowed",
        "input queue: sqs:ChangeMessageVisibility allowed",
        "output queue: sqs:ReceiveMessage allowed",
        "output queue: sqs:DeleteMessage allowed",
        "output queue: sqs:ChangeMessageVisibility allowed",
        "dead-letter queue: sqs:GetQueueAttributes allowed",
        "dead-letter queue: sqs:SendMessage allowed",
        "function: lambda:InvokeFunction allowed",
    },
    ("direct", "queue"): {
        "output queue: sqs:ReceiveMessage allowed",
        "output queue: sqs:DeleteMessage allowed",
        "output queue: sqs:ChangeMessageVisibility allowed",
        "dead-letter queue: sqs:GetQueueAttributes allowed",
        "dead-letter queue: sqs:SendMessage allowed",
    },
    ("bucket", "queue"): {
        "input bucket: s3:ListBucket allowed",
        "output queue: sqs:ReceiveMessage allowed",
        "output queue: sqs:DeleteMessage allowed",
        "output queue: sqs:ChangeMessageVisibility allowed",
        "dead-letter queue: sqs:GetQueueAttributes allowed",
        "dead-letter queue: sqs:SendMessage allowed",
        "function: lambda:InvokeFunction allowed",
    },
    ("bucket", "bucket"): {
        "input bucket: s3:ListBucket allowed",
        "output bucket: s3:ListBucket allowed",
        "output bucket: s3:GetObject allowed",
        "function: lambda:InvokeFunction allowed",
    },
}
"""What a bridge must be allowed, by its source and sink."""


@pytest.mark.parametrize(("source", "sink"), NEEDED)
async def test_what_could_work_is_well_and_each_permission_it_needs_is_tried(
    patient: Patient, source: str, sink: str
) -> None:
    patient.set(SOURCE=source, SINK=sink)
    if (source, sink) == ("bucket", "bucket"):
        # A bridge without queues may keep their names from another day, and needs none.
        patient.set(DEAD_LETTER_QUEUE_URL=None)
    findings = await patient.findings()
    assert [finding for finding in findings if not finding.well] == []
    texts = {f"{finding.part}: {finding.detail}" for finding in findings}
    assert {text for text in texts if text.endswith(" allowed")} == NEEDED[source, sink]
    assert {"variables", "disk", "clock", "credentials"} <= {finding.part for finding in findings}


async def test_nothing_is_left_behind_and_no_message_is_lost(patient: Patient) -> None:
    policy = await patient.redrive(50)
    url = await patient.make_queue("INPUT", VisibilityTimeout="30", RedrivePolicy=policy)
    await patient.sqs.send_message(QueueUrl=url, MessageBody="an upload")
    before = await patient.counts()
    assert before[url] == (1, 0)
    for _ in range(2):
        assert all(finding.well for finding in await patient.findings())
    assert await patient.counts() == before
    answer = await patient.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0)
    (message,) = answer["Messages"]
    assert message["Body"] == "an upload"
    assert list(patient.folder.iterdir()) == []


async def test_a_variable_that_nobody_knows_is_told(patient: Patient) -> None:
    patient.set(INPUT_QUEUE="https://example.org/queue")
    finding = await patient.complaint("variables")
    assert finding.detail == "HYBRIDSPHERE_INPUT_QUEUE is unknown"
    assert finding.remedy == "correct or remove it; HYBRIDSPHERE_INPUT_QUEUE_URL may be meant"


async def test_a_variable_of_the_function_s_is_none_of_ours_and_no_fault(patient: Patient) -> None:
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
async def test_a_variable_that_is_missing_is_told(
    patient: Patient, source: str, sink: str, name: str
) -> None:
    patient.set(SOURCE=source, SINK=sink, **{name: None})
    finding = await patient.complaint("variables")
    assert finding.detail == f"HYBRIDSPHERE_{name} is not set"
    assert finding.remedy


async def test_a_results_folder_that_cannot_be_one_is_told(patient: Patient) -> None:
    patient.folder.write_text("a file in the way")
    finding = await patient.complaint("variables")
    variable = "HYBRIDSPHERE_RESULTS_DIR"
    assert finding.detail == f"{variable} stands for {str(patient.folder)!r}, which is a file"
    assert finding.remedy == "name a folder"


async def test_a_results_folder_that_cannot_be_made_is_told(patient: Patient) -> None:
    patient.folder.write_text("a file in the way")
    patient.set(RESULTS_DIR=str(patient.folder / "below"))
    finding = await patient.complaint("disk")
    assert str(patient.folder) in finding.detail
    assert "HYBRIDSPHERE_RESULTS_DIR" in finding.remedy


async def test_a_disk_that_is_nearly_full_is_told(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 10**18)
    assert (await patient.complaint("disk")).remedy == "make room"


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "make room"),
        (errno.EDQUOT, "make room"),
        (errno.EROFS, "give HYBRIDSPHERE_RESULTS_DIR a folder that can be written to"),
    ],
)
async def test_a_disk_that_takes_nothing_is_told_with_what_helps(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, number: int, told: str
) -> None:
    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    assert (await patient.complaint("disk")).remedy == told


async def test_a_ledger_of_this_bucket_is_well_and_nothing_is_written_into_it(
    patient: Patient,
) -> None:
    path = await begun(patient, os.environ["HYBRIDSPHERE_INPUT_BUCKET"])
    before = path.read_bytes()
    (found,) = (one for one in await patient.findings() if one.part == "ledger")
    assert found == Finding("ledger", f"{path} can be read")
    assert path.read_bytes() == before


async def test_a_ledger_without_a_claim_is_well_and_stays_without(patient: Patient) -> None:
    path = ledger_path(patient.folder)
    path.parent.mkdir(parents=True)
    Ledger.open(patient.folder).close()
    assert await patient.complaints("ledger") == []
    with Ledger.open(patient.folder) as ledger, ledger.transaction():
        assert ledger.claim("another") == "another"


async def test_a_folder_of_another_bucket_is_told_in_the_words_of_the_bridge(
    patient: Patient,
) -> None:
    await begun(patient, "another-bucket")
    finding = await patient.complaint("ledger")
    assert await refusal_of_the_bridge(patient) == f"{finding.detail}: {finding.remedy}"


@pytest.mark.parametrize("rubbish", [b"", b"rubbish" * 1000])
async def test_a_ledger_that_is_none_is_told_in_the_words_of_the_bridge(
    patient: Patient, rubbish: bytes
) -> None:
    (await begun(patient, "bucket")).write_bytes(rubbish)
    finding = await patient.complaint("ledger")
    assert (await refusal_of_the_bridge(patient)).endswith(f"{finding.detail}; {finding.remedy}")


async def test_what_is_left_of_a_ledger_that_was_moved_away_is_told(patient: Patient) -> None:
    path = await begun(patient, "bucket")
    path.rename(path.with_name("ledger.sqlite3-wal"))
    finding = await patient.complaint("ledger")
    assert (await refusal_of_the_bridge(patient)).endswith(f"{finding.detail}; {finding.remedy}")


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


async def test_missing_credentials_are_told_and_nothing_is_called(patient: Patient) -> None:
    patient.environment.delenv("AWS_ACCESS_KEY_ID")
    patient.environment.delenv("AWS_SECRET_ACCESS_KEY")
    patient.environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
    finding = await patient.complaint("credentials")
    assert "no AWS credentials" in finding.detail
    assert {one.part for one in await patient.findings()} == {"variables", "disk", "credentials"}


async def test_an_endpoint_that_cannot_be_reached_is_told_of_each_part(
    patient: Patient, silent: str
) -> None:
    nobody = f"http://{silent}"
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA"):
        patient.environment.setenv(name, nobody)
    for name in ("INPUT", "OUTPUT", "DEAD_LETTER"):
        patient.set(**{f"{name}_QUEUE_URL": f"{nobody}/123456789012/{name}"})
    bad = {one.part: one for one in await patient.findings() if not one.well}
    parts = {"clock", "input queue", "output queue", "dead-letter queue", "function"}
    assert bad.keys() == parts
    assert all("network" in finding.remedy for finding in bad.values())


@pytest.mark.parametrize("address", ["http://me:hunter2@127.0.0.1:1", "me:hunter2@127.0.0.1"])
async def test_of_an_endpoint_no_password_is_told(patient: Patient, address: str) -> None:
    patient.set(SOURCE="bucket", SINK="bucket", INPUT_QUEUE_URL=None, OUTPUT_QUEUE_URL=None)
    patient.environment.setenv("AWS_ENDPOINT_URL", address)
    details = [finding.detail for finding in await patient.findings() if not finding.well]
    assert [detail for detail in details if "…@127.0.0.1" in detail]
    assert [detail for detail in details if "hunter2" in detail] == []


async def test_a_clock_that_is_wrong_is_told(patient: Patient) -> None:
    async def answer(_: web.Request) -> web.Response:
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 400))
        return web.Response(headers={"Date": date}, status=403)

    app = web.Application()
    app.router.add_get("/{queue:.*}", answer)
    async with TestServer(app) as theirs:
        patient.set(SINK="bucket", OUTPUT_QUEUE_URL=str(theirs.make_url("/1/queue")))
        finding = await patient.complaint("clock")
    assert finding.detail.endswith(" s behind that of AWS")
    assert "NTP" in finding.remedy


@pytest.mark.parametrize("name", ["INPUT", "OUTPUT"])
async def test_a_queue_that_is_not_there_is_told_once(patient: Patient, name: str) -> None:
    there = os.environ[f"HYBRIDSPHERE_{name}_QUEUE_URL"]
    patient.set(**{f"{name}_QUEUE_URL": f"{there}-not"})
    finding = await patient.complaint(f"{name.lower()} queue")
    assert "NonExistentQueue" in finding.detail
    assert f"{there}-not" in finding.detail
    assert finding.remedy == f"correct HYBRIDSPHERE_{name}_QUEUE_URL"


async def test_a_dead_letter_queue_that_is_not_there_is_told(patient: Patient) -> None:
    there = os.environ["HYBRIDSPHERE_DEAD_LETTER_QUEUE_URL"]
    patient.set(DEAD_LETTER_QUEUE_URL=f"{there}-not")
    finding = await patient.complaint("dead-letter queue")
    assert finding.remedy == "correct HYBRIDSPHERE_DEAD_LETTER_QUEUE_URL"


async def test_a_function_that_is_not_there_is_told(patient: Patient) -> None:
    patient.set(FUNCTION_NAME="nobody")
    finding = await patient.complaint("function")
    assert "ResourceNotFoundException" in finding.detail
    assert finding.detail.startswith("nobody: ")
    assert finding.remedy == "correct HYBRIDSPHERE_FUNCTION_NAME"


@pytest.mark.parametrize("name", ["INPUT", "OUTPUT"])
async def test_a_bucket_that_is_not_there_is_told(patient: Patient, name: str) -> None:
    patient.set(SOURCE="bucket", SINK="bucket", **{f"{name}_BUCKET": "no-such-bucket"})
    finding = await patient.complaint(f"{name.lower()} bucket")
    assert "NoSuchBucket" in finding.detail
    assert finding.detail.startswith("no-such-bucket: ")
    assert finding.remedy == f"correct HYBRIDSPHERE_{name}_BUCKET"


@pytest.mark.parametrize(
    ("source", "name"), [("queue", "INPUT"), ("direct", "INPUT"), ("queue", "OUTPUT")]
)
async def test_a_bucket_that_is_only_named_is_told_where_it_is_not_there(
    patient: Patient, source: str, name: str
) -> None:
    patient.set(SOURCE=source, **{f"{name}_BUCKET": "no-such-bucket"})
    finding = await patient.complaint(f"{name.lower()} bucket")
    assert "NoSuchBucket" in finding.detail
    assert finding.remedy == f"correct HYBRIDSPHERE_{name}_BUCKET"


async def test_a_bucket_that_is_only_named_need_not_let_itself_be_asked(
    patient: Patient, refusing_s3: None
) -> None:
    found = {one.part: one for one in await patient.findings()}
    for part in ("input bucket", "output bucket"):
        assert found[part].well
        assert "could not be asked, nor need it be" in found[part].detail
        assert "AccessDenied" in found[part].detail


async def test_a_bucket_that_must_be_read_and_may_not_is_told(
    patient: Patient, refusing_s3: None
) -> None:
    patient.set(SOURCE="bucket")
    finding = await patient.complaint("input bucket")
    assert finding.remedy == (
        "allow s3:ListBucket to these credentials, or correct HYBRIDSPHERE_INPUT_BUCKET"
    )


@pytest_asyncio.fixture(loop_scope="session")
async def refusing_s3(patient: Patient) -> AsyncIterator[None]:
    """An S3 that lets nobody do anything."""

    async def refuse(_: web.Request) -> web.Response:
        text = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        return web.Response(status=403, content_type="application/xml", text=text)

    app = web.Application()
    app.router.add_get("/{path:.*}", refuse)
    async with TestServer(app) as theirs:
        patient.environment.setenv("AWS_ENDPOINT_URL_S3", str(theirs.make_url("")))
        yield


async def test_that_no_dead_letter_queue_is_named_is_well_and_said(patient: Patient) -> None:
    patient.set(DEAD_LETTER_QUEUE_URL=None)
    findings = await patient.findings()
    assert all(finding.well for finding in findings)
    (found,) = (one for one in findings if one.part == "dead-letter queue")
    assert found.detail.startswith("none named: ")
    assert "redrive" in found.detail


async def test_of_a_dead_letter_queue_that_is_named_wrongly_it_is_not_said_that_none_is(
    patient: Patient,
) -> None:
    patient.set(DEAD_LETTER_QUEUE_URL="dead")
    await patient.complaint("variables")
    assert "dead-letter queue" not in {one.part for one in await patient.findings()}


async def test_an_address_that_can_be_listened_on_is_well(patient: Patient) -> None:
    patient.set(HTTP="127.0.0.1:0")
    findings = await patient.findings()
    assert Finding("address", "127.0.0.1:0 can be listened on") in findings


@pytest.mark.parametrize("host", ["192.0.2.1", "x" * 70])
async def test_an_address_that_is_not_of_this_host_is_told_in_the_words_of_the_bridge(
    patient: Patient, host: str
) -> None:
    patient.set(HTTP=f"{host}:8080")
    finding = await patient.complaint("address")
    with pytest.raises(ConfigurationError) as refused:
        async with listen((host, 8080), "bucket", Health(), Metrics()):
            pass
    assert str(refused.value) == f"{finding.detail}; {finding.remedy}"


async def test_an_address_that_another_program_has_is_told(patient: Patient) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 no HTTP\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        patient.set(HTTP=f"127.0.0.1:{port}")
        finding = await patient.complaint("address")
    assert finding.detail.startswith(f"HYBRIDSPHERE_HTTP=127.0.0.1:{port} cannot be listened on: ")
    assert finding.detail.endswith(f"; something else answers at 127.0.0.1:{port}")
    assert finding.remedy == "name another port, 0 for any free one, or nothing to turn it off"


async def test_an_address_at_which_a_bridge_of_the_bucket_listens_is_well(
    patient: Patient, unused_tcp_port: int
) -> None:
    bucket, where = os.environ["HYBRIDSPHERE_INPUT_BUCKET"], f"127.0.0.1:{unused_tcp_port}"
    patient.set(HTTP=where)
    async with listen(("127.0.0.1", unused_tcp_port), bucket, Health(), Metrics()):
        (found,) = (one for one in await patient.findings() if one.part == "address")
    assert found == Finding(
        "address", f"a bridge of this bucket listens at {where}: bridge: starting"
    )


async def test_an_address_at_which_a_bridge_of_another_bucket_listens_is_told(
    patient: Patient, unused_tcp_port: int
) -> None:
    patient.set(HTTP=f"127.0.0.1:{unused_tcp_port}")
    async with listen(("127.0.0.1", unused_tcp_port), "clips", Health(), Metrics()):
        finding = await patient.complaint("address")
    assert finding.detail.endswith("; the one that answers serves clips")
    assert finding.remedy.startswith("name another port")


async def test_another_visibility_time_out_is_told(patient: Patient) -> None:
    policy = await patient.redrive(50)
    await patient.make_queue("INPUT", VisibilityTimeout="31", RedrivePolicy=policy)
    finding = await patient.complaint("input queue")
    assert (finding.detail, finding.remedy) == ("visibility time-out 31 s", "set it to 30 s")


async def test_a_queue_without_dead_letters_is_told(patient: Patient) -> None:
    await patient.make_queue("OUTPUT", VisibilityTimeout="30")
    finding = await patient.complaint("output queue")
    assert finding.detail == "no dead-letter queue of its own"
    assert "maxReceiveCount 50" in finding.remedy


async def test_a_redrive_after_too_few_receives_is_told_and_costs_no_message(
    patient: Patient,
) -> None:
    policy = await patient.redrive(1)
    url = await patient.make_queue("INPUT", VisibilityTimeout="30", RedrivePolicy=policy)
    await patient.sqs.send_message(QueueUrl=url, MessageBody="an upload")
    for _ in range(3):
        finding = await patient.complaint("input queue")
        assert finding.detail == "gives a message up after 1 receives"
        assert finding.remedy == "set maxReceiveCount 50 in its redrive policy"
    # The one receive that it has is the bridge's.
    answer = await patient.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0)
    assert [message["Body"] for message in answer["Messages"]] == ["an upload"]


async def diagnosis() -> tuple[int | None, list[str], str]:
    """Exit code, lines and standard error of the command."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hybridsphere", "doctor"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode().splitlines(), err.decode()


async def test_the_command_ends_with_zero_and_a_line_a_finding_if_all_is_well(
    patient: Patient,
) -> None:
    code, lines, err = await diagnosis()
    assert (code, err) == (0, "")
    assert len(lines) == len(await patient.findings())
    assert all(line.startswith("ok ") for line in lines)


async def test_the_command_ends_with_one_and_tells_the_remedy_if_something_is_not(
    patient: Patient,
) -> None:
    patient.set(FUNCTION_NAME="nobody")
    code, lines, err = await diagnosis()
    assert (code, err) == (1, "")
    (bad,) = (line for line in lines if not line.startswith("ok "))
    assert bad.startswith("BAD function: ")
    assert bad.endswith("→ correct HYBRIDSPHERE_FUNCTION_NAME")


async def test_the_command_tells_every_variable_that_makes_no_sense_and_looks_at_the_rest(
    patient: Patient,
) -> None:
    patient.set(SOURCE="mail", DRAIN_S="soon", INPUT_BUCKET="s3://x", OUTPUT_QUEUE="x")
    code, lines, err = await diagnosis()
    assert (code, err) == (1, "")
    meant = "HYBRIDSPHERE_OUTPUT_QUEUE_URL"
    bad = [line.removeprefix("BAD variables: ") for line in lines if not line.startswith("ok ")]
    assert [line.partition(":")[0] for line in bad] == [
        "HYBRIDSPHERE_SOURCE is 'mail' → it should be 'queue', 'bucket' or 'direct'",
        "HYBRIDSPHERE_INPUT_BUCKET is 's3",
        "HYBRIDSPHERE_DRAIN_S is 'soon' → it should be a valid number",
        f"HYBRIDSPHERE_OUTPUT_QUEUE is unknown → correct or remove it; {meant} may be meant",
    ]
    assert all(" → " in line for line in bad)
    assert "ok  output queue: sqs:ReceiveMessage allowed" in lines


async def test_all_that_is_missing_is_told_a_line_each(patient: Patient) -> None:
    patient.set(INPUT_BUCKET=None, FUNCTION_NAME=None)
    assert [finding.detail for finding in await patient.complaints("variables")] == [
        "HYBRIDSPHERE_INPUT_BUCKET is not set",
        "HYBRIDSPHERE_FUNCTION_NAME is not set",
    ]


async def test_a_way_that_there_is_not_hides_nothing_that_is_missing(patient: Patient) -> None:
    patient.set(SOURCE="mail", INPUT_BUCKET=None, INPUT_QUEUE_URL=None)
    wrong, bucket, queue = await patient.complaints("variables")
    assert wrong.detail == "HYBRIDSPHERE_SOURCE is 'mail'"
    assert bucket.detail == "HYBRIDSPHERE_INPUT_BUCKET is not set"
    assert queue.detail == "HYBRIDSPHERE_INPUT_QUEUE_URL is not set"
    assert queue.remedy.startswith("if HYBRIDSPHERE_SOURCE is queue, it needs the ")


async def test_a_variable_that_cannot_be_used_is_not_called_missing_too(patient: Patient) -> None:
    patient.set(INPUT_BUCKET="s3://bucket")
    finding = await patient.complaint("variables")
    assert finding.detail == "HYBRIDSPHERE_INPUT_BUCKET is 's3://bucket'"


async def test_a_results_folder_that_is_made_is_its_owners_alone(patient: Patient) -> None:
    assert await patient.complaints("disk") == []
    assert stat.S_IMODE(patient.folder.stat().st_mode) == 0o700
