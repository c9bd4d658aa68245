# ruff: noqa: ANN001, ANN201
"""A function that ends as its video's key says; the tests run it in the real runtime client."""

import json
import os
import socket
from pathlib import Path
from urllib.parse import unquote_plus


def handler(event, context):
    with Path(os.environ["SEEN"]).open("a") as seen:
        seen.write(f"{json.dumps(event)}\n")
    key = unquote_plus(event["Records"][0]["s3"]["object"]["key"])
    if key.startswith("fail_at_length"):
        raise ValueError(f"{'long ' * 10_000}\nthe request")
    if key.startswith("fail"):
        raise ValueError("told to fail")
    if key.startswith("wait"):
        with socket.create_connection(("127.0.0.1", int(os.environ["GATE"]))) as gate:
            gate.recv(1)
    return {"videos": [named(event["Records"][0], key)]}


def named(record, key):
    """Name the upload of a record, as the real function's answer does."""
    thing = record["s3"]["object"]
    return {
        "bucket": record["s3"]["bucket"]["name"],
        "key": key,
        "etag": thing["eTag"],
        "sequencer": thing.get("sequencer"),
        "event_time": record["eventTime"],
    }
