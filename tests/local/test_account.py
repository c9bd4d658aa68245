"""The account as its clients see it."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

import pytest

from hybridsphere.local import resources
from hybridsphere.local.account import LocalAccount
from tests.local.local_stage import Client

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def receive(sqs: Any, url: str, most: int) -> list[Any]:
    """The next `most` messages, parsed where they are JSON, and deleted."""
    bodies: list[Any] = []
    while len(bodies) < most:
        answer = await sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
        for message in answer.get("Messages", []):
            bodies.append(message["Body"])
            await sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


async def test_every_uploaded_object_sends_one_event(account: LocalAccount, client: Client) -> None:
    s3, sqs = await client("s3"), await client("sqs")
    keys = ["plain.mp4", "a b+ü/ß.MP4", "no video.txt"]
    before = datetime.now(UTC)
    for key in keys:
        await s3.put_object(Bucket=resources.INPUT_BUCKET, Key=key, Body=b"x")
    target = {"Bucket": resources.INPUT_BUCKET, "Key": "parts.mp4"}
    target["UploadId"] = (await s3.create_multipart_upload(**target))["UploadId"]
    part = await s3.upload_part(**target, PartNumber=1, Body=b"x")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    await s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
    await s3.put_object(Bucket=resources.INPUT_BUCKET, Key="last.mp4", Body=b"x")
    keys += ["parts.mp4", "last.mp4"]
    # S3 tests the queue with the first message.
    first, *events = await receive(sqs, account.input_queue.url, 1 + len(keys))
    assert json.loads(first)["Event"] == "s3:TestEvent"
    records = [record for event in events for record in json.loads(event)["Records"]]
    assert [unquote_plus(record["s3"]["object"]["key"]) for record in records] == keys
    (of_parts,) = (record for record in records if record["s3"]["object"]["key"] == "parts.mp4")
    assert of_parts["eventName"] == "ObjectCreated:CompleteMultipartUpload"
    for record in records:
        assert record["s3"]["bucket"]["name"] == resources.INPUT_BUCKET
        told = datetime.fromisoformat(record["eventTime"]).replace(tzinfo=UTC)
        assert abs((told - before).total_seconds()) < 600


async def test_the_function_uses_the_account_that_it_is_part_of(
    account: LocalAccount, client: Client
) -> None:
    s3, sqs, aws = await client("s3"), await client("sqs"), await client("lambda")
    event = {"do": "store", "key": "from-the-function"}
    answer = await aws.invoke(FunctionName="probe", Payload=json.dumps(event).encode())
    assert "FunctionError" not in answer, await answer["Payload"].read()
    stored = await s3.get_object(Bucket=resources.OUTPUT_BUCKET, Key="from-the-function")
    assert await stored["Body"].read() == b"stored"
    assert await receive(sqs, account.output_queue.url, 1) == ["from-the-function"]


async def test_the_record_of_a_failed_event_comes_on_the_output_queue(
    account: LocalAccount, client: Client
) -> None:
    sqs, aws = await client("sqs"), await client("lambda")
    event = {"do": "fail", "text": "broken"}
    payload = json.dumps(event).encode()
    await aws.invoke(FunctionName="probe", InvocationType="Event", Payload=payload)
    (body,) = await receive(sqs, account.output_queue.url, 1)
    assert json.loads(body)["requestContext"]["condition"] == "RetriesExhausted"
    assert json.loads(body)["requestPayload"] == event


async def test_the_queues_are_as_declared(account: LocalAccount, client: Client) -> None:
    sqs = await client("sqs")
    for queue in (account.input_queue, account.output_queue):
        answer = await sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])
        attributes = answer["Attributes"]
        assert attributes["VisibilityTimeout"] == "30"
        assert attributes["ReceiveMessageWaitTimeSeconds"] == "20"
        redrive = json.loads(attributes["RedrivePolicy"])
        assert redrive["maxReceiveCount"] == 50
        answer = await sqs.get_queue_attributes(
            QueueUrl=queue.dead_letter_url, AttributeNames=["QueueArn"]
        )
        assert answer["Attributes"]["QueueArn"] == redrive["deadLetterTargetArn"]


async def test_a_message_received_too_often_becomes_a_dead_letter(
    account: LocalAccount, client: Client
) -> None:
    sqs = await client("sqs")
    queue = account.output_queue
    await sqs.send_message(QueueUrl=queue.url, MessageBody="bad")
    for _ in range(resources.OUTPUT_QUEUE.max_receives):
        answer = await sqs.receive_message(QueueUrl=queue.url)
        (message,) = answer["Messages"]
        await sqs.change_message_visibility(
            QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    empty = await sqs.receive_message(QueueUrl=queue.url, WaitTimeSeconds=0)
    assert "Messages" not in empty
    assert await receive(sqs, queue.dead_letter_url, 1) == ["bad"]


async def test_students_are_found_by_name(account: LocalAccount, client: Client) -> None:
    dynamodb = await client("dynamodb")
    student = {"name": {"S": "ada"}, "major": {"S": "mathematics"}}
    await dynamodb.put_item(TableName=resources.TABLE, Item=student)
    answer = await dynamodb.get_item(TableName=resources.TABLE, Key={"name": {"S": "ada"}})
    assert answer["Item"] == student


async def test_the_environment_is_what_other_commands_need(account: LocalAccount) -> None:
    environment = account.environment()
    assert set(environment) == {
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_LAMBDA",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "HYBRIDSPHERE_DEAD_LETTER_QUEUE_URL",
        "HYBRIDSPHERE_FUNCTION_NAME",
        "HYBRIDSPHERE_INPUT_BUCKET",
        "HYBRIDSPHERE_INPUT_QUEUE_URL",
        "HYBRIDSPHERE_OUTPUT_BUCKET",
        "HYBRIDSPHERE_OUTPUT_QUEUE_URL",
        "HYBRIDSPHERE_SINK",
        "HYBRIDSPHERE_SOURCE",
        "HYBRIDSPHERE_TABLE",
    }
    for name in ("HYBRIDSPHERE_INPUT_QUEUE_URL", "HYBRIDSPHERE_OUTPUT_QUEUE_URL"):
        assert environment[name].startswith(environment["AWS_ENDPOINT_URL"])
