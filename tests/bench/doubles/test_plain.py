"""The plain double answers as the first one does."""

import json
import urllib.request
from typing import Any

import pytest

from bench.doubles.account import FUNCTION, INPUT, OUTPUT
from bench.doubles.process import FAST, PLAIN, RunningDouble, running_double
from bench.uploads import record, result


def call(double: RunningDouble, action: str, queue: str, **content: object) -> Any:
    body = json.dumps({"QueueUrl": f"{double.endpoint}/0/{queue}", **content}).encode()
    headers = {"X-Amz-Target": f"AmazonSQS.{action}"}
    request = urllib.request.Request(double.endpoint + "/", body, headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@pytest.mark.parametrize("module", [FAST, PLAIN])
def test_an_upload_goes_from_the_input_to_the_output(module: str) -> None:
    with running_double(module) as double:
        double.fill(12)
        batch = call(double, "ReceiveMessage", INPUT, MaxNumberOfMessages=10)["Messages"]
        assert len(batch) == 10
        assert json.loads(batch[0]["Body"]) == record(0).to_event()
        invoke = f"{double.endpoint}/2015-03-31/functions/{FUNCTION}/invocations"
        event = urllib.request.Request(
            invoke, batch[0]["Body"].encode(), {"X-Amz-Invocation-Type": "Event"}
        )
        with urllib.request.urlopen(event) as answer:
            assert answer.status == 202
        (message,) = call(double, "ReceiveMessage", OUTPUT, WaitTimeSeconds=20)["Messages"]
        assert message["Body"] == result(record(0)).to_json()
        entries = [{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}]
        call(double, "DeleteMessageBatch", OUTPUT, Entries=entries)
        call(double, "DeleteMessageBatch", OUTPUT, Entries=entries)
        stats = double.stats()
    assert (stats["uploads"], stats["invoked"], stats["invoked_as_events"]) == (12, 1, 1)
    assert {name: stats[INPUT][name] for name in ("visible", "in_flight")} == {
        "visible": 2,
        "in_flight": 10,
    }
    assert (stats[OUTPUT]["received"], stats[OUTPUT]["deleted"]) == (1, 1)


@pytest.mark.parametrize("module", [FAST, PLAIN])
def test_an_empty_queue_answers_after_the_wait(module: str) -> None:
    with running_double(module) as double:
        assert call(double, "ReceiveMessage", INPUT, WaitTimeSeconds=0) == {}
