"""An account with videos, queues and a ledger, whose uploads and dead letters are replayed."""

import json
from pathlib import Path
from typing import Any

import boto3
from click.testing import CliRunner
from click.testing import Result as Ended

from hybridsphere.cli.app import main
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.messages import Result, S3Record, parse_s3_event
from tests.samples import BUCKET, result

STORED = "2026-11-21T00:00:09.000Z"


class Account:
    """A bucket and three queues, and the ledger of a bridge that served them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.s3: Any = boto3.client("s3")
        self.sqs: Any = boto3.client("sqs")
        self.urls = {
            name: self.sqs.create_queue(QueueName=f"{name}-{folder.name[-80:]}")["QueueUrl"]
            for name in ("input", "output", "dead_letter")
        }
        ledger_path(folder).parent.mkdir()
        Ledger.open(folder).close()

    def upload(self, key: str, **more: Any) -> Result:
        """Put a video into the bucket and its result into the ledger."""
        etag = self.s3.put_object(Bucket=BUCKET, Key=key, Body=key)["ETag"].strip('"')
        ended = result(key, etag=etag, sequencer=None, **{"status": "failed", "people": ()} | more)
        self.store(ended)
        return ended

    def store(self, ended: Result) -> None:
        with Ledger.open(self.folder) as ledger, ledger.transaction():
            ledger.put_result(ended, STORED)

    def dead_letter(self, body: object, **attributes: str) -> None:
        self.sqs.send_message(
            QueueUrl=self.urls["dead_letter"],
            MessageBody=body if isinstance(body, str) else json.dumps(body),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": text}
                for name, text in attributes.items()
            },
        )

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HYBRIDSPHERE_RESULTS_DIR": str(self.folder),
            "HYBRIDSPHERE_INPUT_BUCKET": BUCKET,
            "HYBRIDSPHERE_INPUT_QUEUE_URL": self.urls["input"],
            "HYBRIDSPHERE_OUTPUT_QUEUE_URL": self.urls["output"],
            "HYBRIDSPHERE_DEAD_LETTER_QUEUE_URL": self.urls["dead_letter"],
        }

    def run(self, *options: str, answer: str | None = None, **variables: str) -> Ended:
        environment = {**self.environment, **variables}
        return CliRunner().invoke(main, ["replay", *options], input=answer, env=environment)

    def report(self, *options: str) -> dict[str, Any]:
        ended = self.run("--yes", "--json", *options)
        found: dict[str, Any] = json.loads(ended.stdout)
        return {"exit": ended.exit_code, **found}

    def messages(self, name: str) -> list[str]:
        """Take all messages from a queue."""
        bodies = []
        while found := self.sqs.receive_message(
            QueueUrl=self.urls[name], MaxNumberOfMessages=10, VisibilityTimeout=60
        ).get("Messages"):
            for message in found:
                bodies.append(message["Body"])
                self.sqs.delete_message(
                    QueueUrl=self.urls[name], ReceiptHandle=message["ReceiptHandle"]
                )
        return bodies

    def events(self) -> list[S3Record]:
        """Take the records from the input queue."""
        return [one for body in self.messages("input") for one in parse_s3_event(body)]
