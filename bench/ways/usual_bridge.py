"""The usual bridge: one loop around boto3, a message at a time.

The variables of the real bridge name its queues, function and folder. It does the same work without
a ledger, until it is killed.
"""

import json
import os
from pathlib import Path

import boto3


def main() -> None:
    sqs, function = boto3.client("sqs"), boto3.client("lambda")
    input_url = os.environ["HYBRIDSPHERE_INPUT_QUEUE_URL"]
    output_url = os.environ["HYBRIDSPHERE_OUTPUT_QUEUE_URL"]
    name = os.environ["HYBRIDSPHERE_FUNCTION_NAME"]
    folder = Path(os.environ["HYBRIDSPHERE_RESULTS_DIR"])
    while True:
        answer = sqs.receive_message(QueueUrl=input_url, MaxNumberOfMessages=1, WaitTimeSeconds=20)
        for message in answer.get("Messages", []):
            function.invoke(
                FunctionName=name, InvocationType="Event", Payload=message["Body"].encode()
            )
            sqs.delete_message(QueueUrl=input_url, ReceiptHandle=message["ReceiptHandle"])
        answer = sqs.receive_message(QueueUrl=output_url, MaxNumberOfMessages=1, WaitTimeSeconds=20)
        for message in answer.get("Messages", []):
            result = json.loads(message["Body"])
            path = folder / f"{result['key']}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(result["csv"].encode())
            sqs.delete_message(QueueUrl=output_url, ReceiptHandle=message["ReceiptHandle"])


if __name__ == "__main__":
    main()
