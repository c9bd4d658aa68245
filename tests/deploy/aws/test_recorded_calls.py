from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from hybridsphere.local.moto_server import MotoServer
from tests.deploy.aws.permission_map import Call, PermissionMap
from tests.deploy.aws.recorded_calls import recorded_calls

ARGUMENTS: dict[str, dict[str, Any]] = {
    "s3.GetObject": {"Bucket": "videos", "Key": "a b/ü.mp4"},
    "s3.HeadObject": {"Bucket": "videos", "Key": "a.csv"},
    "s3.PutObject": {"Bucket": "videos", "Key": "a.csv", "Body": b"x"},
    "s3.CreateMultipartUpload": {"Bucket": "videos", "Key": "a.mp4"},
    "s3.UploadPart": {"Bucket": "videos", "Key": "a.mp4", "UploadId": "1", "PartNumber": 1},
    "s3.CompleteMultipartUpload": {"Bucket": "videos", "Key": "a.mp4", "UploadId": "1"},
    "s3.ListObjectsV2": {"Bucket": "videos"},
    "s3.DeleteObjects": {"Bucket": "videos", "Delete": {"Objects": [{"Key": "a"}]}},
    "dynamodb.GetItem": {"TableName": "none", "Key": {"name": {"S": "x"}}},
    "dynamodb.BatchWriteItem": {
        "RequestItems": {"none": [{"DeleteRequest": {"Key": {"name": {"S": "x"}}}}]}
    },
    "sqs.SendMessage": {"MessageBody": "x"},
    "sqs.ReceiveMessage": {},
    "sqs.DeleteMessageBatch": {"Entries": [{"Id": "0", "ReceiptHandle": "x"}]},
    "sqs.ChangeMessageVisibilityBatch": {
        "Entries": [{"Id": "0", "ReceiptHandle": "x", "VisibilityTimeout": 0}]
    },
    "sqs.GetQueueAttributes": {},
}


async def test_every_call_of_the_map_is_known_again_in_a_recording(
    no_aws_variables: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recording = tmp_path / "recording"
    monkeypatch.setenv("MOTO_ENABLE_RECORDING", "1")
    monkeypatch.setenv("MOTO_RECORDER_FILEPATH", str(recording))
    # The Lambda host, not moto, takes the invocations.
    calls = {call for call in PermissionMap("bucket", "bucket").calls() if call.service != "lambda"}
    calls |= {call for call in PermissionMap("queue", "queue").calls() if call.service != "lambda"}
    async with MotoServer() as server:
        for call in [*calls, Call("somebody", "s3", "ListObjectsV2")]:
            _make(call, server.endpoint)
    assert recorded_calls(recording) == calls


def _make(call: Call, endpoint: str) -> None:
    """Makes a call; nothing is there, so most are refused, after they were recorded."""
    arguments = dict(ARGUMENTS[f"{call.service}.{call.operation}"])
    if call.service == "sqs":
        arguments["QueueUrl"] = f"{endpoint}/123456789012/none"
    client = boto3.client(
        call.service,
        region_name="eu-west-1",
        endpoint_url=endpoint,
        aws_access_key_id=call.identity,
        aws_secret_access_key="secret",
    )
    with suppress(ClientError):
        client._make_api_call(call.operation, arguments)
    client.close()
