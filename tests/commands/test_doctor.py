"""doctor and the services of AWS, on a real account where nothing may be left behind."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from hybridsphere.aws import session
from tests.acts import page
from tests.commands.doctor_stage import Patient
from tests.proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="session")


NEEDED = {
    ("queue", "queue"): {
        "input queue: sqs:ReceiveMessage is allowed",
        "input queue: sqs:DeleteMessage is allowed",
        "input queue: sqs:ChangeMessageVisibility is allowed",
        "output queue: sqs:ReceiveMessage is allowed",
        "output queue: sqs:DeleteMessage is allowed",
        "output queue: sqs:ChangeMessageVisibility is allowed",
        "dead-letter queue: sqs:GetQueueAttributes is allowed",
        "dead-letter queue: sqs:SendMessage is allowed",
        "function: lambda:InvokeFunction is allowed",
    },
    ("direct", "queue"): {
        "output queue: sqs:ReceiveMessage is allowed",
        "output queue: sqs:DeleteMessage is allowed",
        "output queue: sqs:ChangeMessageVisibility is allowed",
        "dead-letter queue: sqs:GetQueueAttributes is allowed",
        "dead-letter queue: sqs:SendMessage is allowed",
    },
    ("bucket", "queue"): {
        "input bucket: s3:ListBucket is allowed",
        "output queue: sqs:ReceiveMessage is allowed",
        "output queue: sqs:DeleteMessage is allowed",
        "output queue: sqs:ChangeMessageVisibility is allowed",
        "dead-letter queue: sqs:GetQueueAttributes is allowed",
        "dead-letter queue: sqs:SendMessage is allowed",
        "function: lambda:InvokeFunction is allowed",
    },
    ("bucket", "bucket"): {
        "input bucket: s3:ListBucket is allowed",
        "output bucket: s3:ListBucket is allowed",
        "output bucket: s3:GetObject is allowed",
        "function: lambda:InvokeFunction is allowed",
    },
}
"""The permissions of a bridge, by its source and sink."""


@pytest.mark.parametrize(("source", "sink"), NEEDED)
async def test_every_needed_permission_is_tried(patient: Patient, source: str, sink: str) -> None:
    patient.set(SOURCE=source, SINK=sink)
    if (source, sink) == ("bucket", "bucket"):
        # A bridge without queues may keep their names from another day, and needs none.
        patient.set(DEAD_LETTER_QUEUE_URL=None)
    checks = await patient.checks()
    assert [check for check in checks if check.is_bad] == []
    texts = {f"{check.part}: {check.detail}" for check in checks}
    assert {text for text in texts if text.endswith(" is allowed")} == NEEDED[source, sink]
    assert {"variables", "disk", "clock", "credentials"} <= {check.part for check in checks}


async def test_nothing_is_left_behind_and_no_message_is_lost(patient: Patient) -> None:
    policy = await patient.redrive(50)
    url = await patient.make_queue("INPUT", VisibilityTimeout="30", RedrivePolicy=policy)
    await patient.sqs.send_message(QueueUrl=url, MessageBody="an upload")
    before = await patient.counts()
    assert before[url] == (1, 0)
    for _ in range(2):
        assert all(not check.is_bad for check in await patient.checks())
    assert await patient.counts() == before
    answer = await patient.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0)
    (message,) = answer["Messages"]
    assert message["Body"] == "an upload"
    assert list(patient.folder.iterdir()) == []


@pytest.mark.parametrize("name", ["INPUT", "OUTPUT"])
async def test_a_missing_queue_is_reported_once(patient: Patient, name: str) -> None:
    there = os.environ[f"HYBRIDSPHERE_{name}_QUEUE_URL"]
    patient.set(**{f"{name}_QUEUE_URL": f"{there}-not"})
    check = await patient.complaint(f"{name.lower()} queue")
    assert "NonExistentQueue" in check.detail
    assert f"{there}-not" in check.detail
    assert check.fix == f"correct HYBRIDSPHERE_{name}_QUEUE_URL"


async def test_a_missing_dead_letter_queue_is_reported(patient: Patient) -> None:
    there = os.environ["HYBRIDSPHERE_DEAD_LETTER_QUEUE_URL"]
    patient.set(DEAD_LETTER_QUEUE_URL=f"{there}-not")
    check = await patient.complaint("dead-letter queue")
    assert check.fix == "correct HYBRIDSPHERE_DEAD_LETTER_QUEUE_URL"


async def test_a_missing_function_is_reported(patient: Patient) -> None:
    patient.set(FUNCTION_NAME="nobody")
    check = await patient.complaint("function")
    assert "ResourceNotFoundException" in check.detail
    assert check.detail.startswith("nobody: ")
    assert check.fix == "correct HYBRIDSPHERE_FUNCTION_NAME"


@pytest.mark.parametrize("name", ["INPUT", "OUTPUT"])
async def test_a_missing_bucket_is_reported(patient: Patient, name: str) -> None:
    patient.set(SOURCE="bucket", SINK="bucket", **{f"{name}_BUCKET": "no-such-bucket"})
    check = await patient.complaint(f"{name.lower()} bucket")
    assert "NoSuchBucket" in check.detail
    assert check.detail.startswith("no-such-bucket: ")
    assert check.fix == f"correct HYBRIDSPHERE_{name}_BUCKET"


@pytest.mark.parametrize(
    ("source", "name"), [("queue", "INPUT"), ("direct", "INPUT"), ("queue", "OUTPUT")]
)
async def test_a_missing_bucket_is_reported_although_only_its_name_counts(
    patient: Patient, source: str, name: str
) -> None:
    patient.set(SOURCE=source, **{f"{name}_BUCKET": "no-such-bucket"})
    check = await patient.complaint(f"{name.lower()} bucket")
    assert "NoSuchBucket" in check.detail
    assert check.fix == f"correct HYBRIDSPHERE_{name}_BUCKET"


async def test_an_unlisted_bucket_is_unknown_where_only_its_name_counts(
    patient: Patient, refusing_s3: None
) -> None:
    found = {one.part: one for one in await patient.checks()}
    for part in ("input bucket", "output bucket"):
        assert found[part].state == "note"
        assert "could not be asked, nor need it be" in found[part].detail
        assert "AccessDenied" in found[part].detail


async def test_a_forbidden_bucket_is_reported_where_it_is_read(
    patient: Patient, refusing_s3: None
) -> None:
    patient.set(SOURCE="bucket")
    check = await patient.complaint("input bucket")
    assert check.fix == (
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


NOT_IMPLEMENTED = b"""<Error><Code>NotImplemented</Code>
<Message>Conditional object PUTs are not supported.</Message></Error>"""


@pytest.mark.parametrize("sink", ["queue", "bucket"])
async def test_a_bucket_without_conditional_writes_is_reported(patient: Patient, sink: str) -> None:
    patient.set(SINK=sink)
    async with Proxy(os.environ["AWS_ENDPOINT_URL"]) as proxy:
        patient.environment.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
        # Swift answers so.
        with proxy.failing(page(501, NOT_IMPLEMENTED, "application/xml"), "PUT"):
            checks = await patient.checks()
    assert [check for check in checks if check.is_bad] == []
    notes = [check.detail for check in checks if check.state == "note"]
    assert any("refuses conditional writes: two results" in note for note in notes)


async def test_a_bucket_with_conditional_writes_is_ok_and_stays_empty(
    patient: Patient,
) -> None:
    details = [check.detail for check in await patient.checks() if check.part == "output bucket"]
    assert details == ["output-bucket-vid exists", "conditional writes are supported"]
    async with session().create_client("s3") as s3:
        listing = await s3.list_objects_v2(Bucket=os.environ["HYBRIDSPHERE_OUTPUT_BUCKET"])
    assert listing["KeyCount"] == 0


async def test_a_configuration_without_dead_letters_is_ok(patient: Patient) -> None:
    patient.set(DEAD_LETTER_QUEUE_URL=None)
    checks = await patient.checks()
    assert all(not check.is_bad for check in checks)
    (found,) = (one for one in checks if one.part == "dead-letter queue")
    assert found.state == "note"
    assert found.detail.startswith("none is named: ")
    assert "redrive" in found.detail


async def test_a_wrong_dead_letter_url_does_not_count_as_none(
    patient: Patient,
) -> None:
    patient.set(DEAD_LETTER_QUEUE_URL="dead")
    await patient.complaint("variables")
    assert "dead-letter queue" not in {one.part for one in await patient.checks()}


async def test_another_visibility_timeout_is_reported(patient: Patient) -> None:
    policy = await patient.redrive(50)
    await patient.make_queue("INPUT", VisibilityTimeout="31", RedrivePolicy=policy)
    check = await patient.complaint("input queue")
    assert (check.detail, check.fix) == ("visibility time-out 31 s", "set it to 30 s")


async def test_a_queue_without_redrive_is_reported(patient: Patient) -> None:
    await patient.make_queue("OUTPUT", VisibilityTimeout="30")
    check = await patient.complaint("output queue")
    assert check.detail == "no dead-letter queue"
    assert "maxReceiveCount 50" in check.fix


async def test_an_early_redrive_is_reported_and_costs_no_message(
    patient: Patient,
) -> None:
    policy = await patient.redrive(1)
    url = await patient.make_queue("INPUT", VisibilityTimeout="30", RedrivePolicy=policy)
    await patient.sqs.send_message(QueueUrl=url, MessageBody="an upload")
    for _ in range(3):
        check = await patient.complaint("input queue")
        assert check.detail == "gives a message up after 1 receives"
        assert check.fix == "set maxReceiveCount 50 in its redrive policy"
    # The one receive that it has is the bridge's.
    answer = await patient.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0)
    assert [message["Body"] for message in answer["Messages"]] == ["an upload"]
