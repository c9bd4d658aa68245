"""What the function's tests share: one test's own AWS resources, and the shapes of fixtures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from hybridsphere.messages import Result, S3Record, parse_output
from hybridsphere.recognition.space import Embeddings
from lambda_fn import handler
from lambda_fn.faces.detector import Face
from lambda_fn.faces.dlib_encoder import DlibEncoder
from lambda_fn.faces.engine import Engine
from lambda_fn.runtime import aws
from lambda_fn.video.video import Frame, Rgb

ClipMaker = Callable[..., bytes]
Portrait = Callable[..., Rgb]
LogLines = Callable[[], list[dict[str, Any]]]


@dataclass
class Context:
    """What Lambda gives a handler, as far as the function uses it."""

    seconds: float = 900.0

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass
class Stage:
    """One test's own buckets, queue and table."""

    input_bucket: str
    output_bucket: str
    queue_url: str
    table: str
    calls: list[str] = field(default_factory=list)

    def upload(self, key: str, body: bytes, **record: str) -> S3Record:
        answer = aws.client("s3").put_object(Bucket=self.input_bucket, Key=key, Body=body)
        return self.record(key, answer["ETag"].strip('"'), **record)

    def record(
        self, key: str, etag: str, event_time: str = "2026-11-21T00:00:00.000Z", sequencer: str = ""
    ) -> S3Record:
        return S3Record(self.input_bucket, key, etag, sequencer or None, event_time)

    def run(self, *records: S3Record, seconds: float = 900.0) -> list[Result]:
        """Calls the handler once with the records, and returns the messages that it sent."""
        event = {"Records": [r for record in records for r in record.to_event()["Records"]]}
        handler.face_recognition_handler(event, Context(seconds))
        return self.messages()

    @staticmethod
    def context() -> Context:
        return Context()

    def messages(self) -> list[Result]:
        answer = aws.client("sqs").receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return [r for message in answer.get("Messages", []) for r in parse_output(message["Body"])]

    def csv_object(self, key: str) -> dict[str, Any]:
        answer: dict[str, Any] = aws.client("s3").get_object(Bucket=self.output_bucket, Key=key)
        return {**answer, "text": answer["Body"].read().decode()}


class Watched(Engine):
    """The engine `dlib`, with a note of every look: its time and its level."""

    def __init__(self) -> None:
        super().__init__(DlibEncoder())
        self.looks: list[tuple[float, str]] = []
        self.encoded = 0
        for level in ("glance", "look", "search"):
            setattr(self, level, self._noting(level, getattr(self, level)))

    def encode(self, frame: Frame, faces: list[Face], *more: Any) -> Embeddings:
        self.encoded += len(faces)
        return super().encode(frame, faces, *more)

    def _noting(self, level: str, find: Callable[..., list[Face]]) -> Callable[..., list[Face]]:
        def noted(frame: Frame, *more: Any, **named: Any) -> list[Face]:
            self.looks.append((round(frame.at_s, 2), level))
            return find(frame, *more, **named)

        return noted


@contextmanager
def failing_as(name: str, match: str) -> Iterator[None]:
    """What the function fails with, by the name of its class, which the runtime hands on."""
    with pytest.raises(Exception, match=match) as raised:
        yield
    assert type(raised.value).__name__ == name
