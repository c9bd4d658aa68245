# ruff: noqa: ANN001, ANN201
"""A function that does what its event says; the tests run it in the real runtime client."""

import os
import socket
import sys
import time


def handler(event, context):
    return globals()[event.get("do", "echo")](event, context)


def echo(event, context):
    return event


def context(event, context):
    return {
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "name": context.function_name,
        "memory_mb": context.memory_limit_in_mb,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "trace": os.environ["_X_AMZN_TRACE_ID"],
    }


def environment(event, context):
    return dict(os.environ)


def pid(event, context):
    return os.getpid()


def say(event, context):
    sys.stdout.write(f"{event['text']}\n")


def fail(event, context):
    raise ValueError(event["text"])


def recurse(event, context):
    return recurse(event, context)


def leave(event, context):
    os._exit(event["status"])


def kill(event, context):
    os.kill(os.getpid(), event["signal"])
    time.sleep(60)


def visit(event, context):
    """Calls at the test's gate, and does what it is told there."""
    with socket.create_connection(("127.0.0.1", event["gate"])) as gate:
        gate.sendall(f"{os.getpid()} {context.aws_request_id}\n".encode())
        order = gate.makefile().readline().strip()
    if order == "fail":
        raise ValueError("told to fail")
    return order


def store(event, context):
    """Uses the account as the real function does: nothing but what the environment gives it."""
    import boto3  # noqa: PLC0415 - half a second that the other behaviours need not pay

    boto3.client("s3").put_object(
        Bucket=os.environ["HYBRIDSPHERE_OUTPUT_BUCKET"], Key=event["key"], Body=b"stored"
    )
    boto3.client("sqs").send_message(
        QueueUrl=os.environ["HYBRIDSPHERE_OUTPUT_QUEUE_URL"], MessageBody=event["key"]
    )
    table = boto3.client("dynamodb")
    key = {"name": {"S": "nobody"}}
    table.get_item(TableName=os.environ["HYBRIDSPHERE_TABLE"], Key=key)


def babble(event, context):
    return "x" * (7 * 1024**2)


def fill(event, context):
    """Uses memory until it is killed."""
    kept = b"x" * (event["megabytes"] * 2**20)
    time.sleep(60)
    return len(kept)
