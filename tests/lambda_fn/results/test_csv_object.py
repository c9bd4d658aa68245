"""The CSV object on servers that answer conditional writes otherwise than S3.

Their answers are those of Ceph and Swift as `make object-stores` runs them, put in front of moto.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.exceptions import ClientError
from botocore.session import get_session

from hybridsphere.messages import Result
from lambda_fn.results.csv_object import CsvWriter, csv_writer
from lambda_fn.runtime import aws
from tests.lambda_fn.function_stage import LogLines, Stage

KEY = "test_0.mp4.csv"
OLD, NEW = "1", "2"


Answer = Callable[[Any], int | None]
"""The status that a server refuses a write with, or None where moto is to answer."""


Behind = Callable[[Answer], "Server"]


class Server:
    """A server in front of moto; `writes` are the conditions of the writes that it was sent."""

    def __init__(self, s3: Any, answer: Answer) -> None:
        self.s3 = s3
        self.s3.meta.events.register("before-send.s3.PutObject", self._send)
        self._answer = answer
        self.writes: list[dict[str, str]] = []

    def _send(self, request: Any, **_: Any) -> AWSResponse | None:
        self.writes.append(
            {
                name: text.decode() if isinstance(text, bytes) else text
                for name, text in request.headers.items()
                if name in {"If-Match", "If-None-Match"}
            }
        )
        status = self._answer(request)
        if status is None:
            return None
        code = {501: "NotImplemented", 412: "PreconditionFailed", 403: "AccessDenied"}[status]
        body = f"<Error><Code>{code}</Code></Error>".encode()
        answer = AWSResponse(request.url, status, {}, None)
        # It would be read from a connection.
        answer._content = body
        return answer


def like_ceph(request: Any) -> int | None:
    """Compare without the quotes, which Ceph takes for a part of the ETag."""
    etag = request.headers.get("If-Match")
    if etag is None:
        return None
    text = etag.decode() if isinstance(etag, bytes) else etag
    if text.startswith('"'):
        return int(HTTPStatus.PRECONDITION_FAILED)
    del request.headers["If-Match"]
    request.headers["If-Match"] = f'"{text}"'
    return None


def like_swift(request: Any) -> int | None:
    conditional = {"If-Match", "If-None-Match"} & set(request.headers.keys())
    return int(HTTPStatus.NOT_IMPLEMENTED) if conditional else None


def like_neither(request: Any) -> int | None:
    """Compare with a form of the ETag that no client knows."""
    return int(HTTPStatus.PRECONDITION_FAILED) if "If-Match" in request.headers else None


@pytest.fixture
def result(stage: Stage) -> Result:
    return Result(
        bucket=stage.input_bucket,
        key="test_0.mp4",
        etag="e" * 32,
        sequencer=OLD,
        event_time="2026-11-21T00:00:00.000Z",
        status="no_face",
        reason=None,
        csv="old",
        started_at="2026-11-21T00:00:01.000Z",
        finished_at="2026-11-21T00:00:02.000Z",
        output_bucket=stage.output_bucket,
        output_key=KEY,
    )


@pytest.fixture
def behind(account: None) -> Iterator[Behind]:
    """Makes servers, and closes their clients."""
    with ExitStack() as stack:

        def make(answer: Answer) -> Server:
            s3 = get_session().create_client("s3")
            stack.callback(s3.close)
            return Server(s3, answer)

        yield make


@pytest.fixture(params=[like_ceph, like_swift, like_neither])
def server(request: pytest.FixtureRequest, behind: Behind) -> Server:
    return behind(request.param)


def test_a_newer_version_replaces_the_csv(stage: Stage, server: Server, result: Result) -> None:
    writer = CsvWriter(server.s3)
    writer.write(result)
    writer.write(replace(result, sequencer=NEW, csv="new"))
    assert stage.csv_object(KEY)["text"] == "new"


def test_the_case_of_a_header_does_not_matter(stage: Stage, behind: Behind, result: Result) -> None:
    """Servers written in Go send `X-Amz-Meta-Event-Time`."""
    server = behind(lambda _: None)

    def answer(request: Any, **_: Any) -> AWSResponse:
        found = aws.client("s3").head_object(Bucket=stage.output_bucket, Key=KEY)
        headers = found["ResponseMetadata"]["HTTPHeaders"]
        sent = HeadersDict({name.title(): value for name, value in headers.items()})
        answer = AWSResponse(request.url, HTTPStatus.OK, sent, None)
        # It would be read from a connection.
        answer._content = b""
        return answer

    server.s3.meta.events.register("before-send.s3.HeadObject", answer)
    writer = CsvWriter(server.s3)
    writer.write(result)
    writer.write(replace(result, sequencer=NEW, csv="new"))
    assert stage.csv_object(KEY)["text"] == "new"


def test_an_older_version_does_not(stage: Stage, server: Server, result: Result) -> None:
    writer = CsvWriter(server.s3)
    writer.write(replace(result, sequencer=NEW, csv="new"))
    writer.write(result)
    assert stage.csv_object(KEY)["text"] == "new"


@pytest.mark.parametrize("sequencer", [None, OLD])
@pytest.mark.parametrize("first", [b"one", b"two"])
def test_of_two_versions_of_one_moment_the_video_that_is_there_counts(
    stage: Stage, behind: Behind, result: Result, first: bytes, sequencer: str | None
) -> None:
    """A listing has seconds, and some servers send one sequencer with every event."""
    second = b"two" if first == b"one" else b"one"
    etags = [stage.upload(result.key, body).etag for body in (first, second)]
    older, newer = (
        replace(result, sequencer=sequencer, etag=etag, csv=csv)
        for etag, csv in zip(etags, ("old", "new"), strict=True)
    )
    writer = CsvWriter(behind(lambda _: None).s3)
    for one in (older, newer, older):
        writer.write(one)
    assert stage.csv_object(KEY)["text"] == "new"


def test_the_object_of_another_program_stays(stage: Stage, server: Server, result: Result) -> None:
    server.s3.put_object(Bucket=stage.output_bucket, Key=KEY, Body=b"a note")
    CsvWriter(server.s3).write(result)
    assert stage.csv_object(KEY)["text"] == "a note"


def versions(result: Result, count: int) -> list[Result]:
    return [
        replace(result, sequencer=f"{number + 1:04}", csv=str(number)) for number in range(count)
    ]


def test_ceph_is_asked_without_quotes_from_then_on(
    stage: Stage, behind: Behind, result: Result, log_lines: LogLines
) -> None:
    server = behind(like_ceph)
    writer = CsvWriter(server.s3)
    for version in versions(result, 3):
        writer.write(version)
    assert stage.csv_object(KEY)["text"] == "2"
    quoted = [
        writes["If-Match"].startswith('"') for writes in server.writes if "If-Match" in writes
    ]
    assert quoted == [True, False, False]
    assert [line for line in log_lines() if line["event"] == "csv.unconditional"] == []


def test_swift_is_asked_for_no_condition_from_then_on_and_that_is_logged_once(
    stage: Stage, behind: Behind, result: Result, log_lines: LogLines
) -> None:
    server = behind(like_swift)
    for version in versions(result, 3):
        csv_writer(server.s3).write(version)
    assert stage.csv_object(KEY)["text"] == "2"
    assert server.writes == [{"If-None-Match": "*"}, {}, {}, {}]
    (line,) = [line for line in log_lines() if line["event"] == "csv.unconditional"]
    assert line["bucket"] == stage.output_bucket
    assert "NotImplemented" in line["error"]


def test_a_rival_is_not_taken_for_a_server_that_compares_otherwise(
    stage: Stage, behind: Behind, result: Result
) -> None:
    """The rival writes after the version was compared, so the ETag that was refused is gone."""
    rivals = versions(replace(result, etag="f" * 32), 3)
    rival = CsvWriter(aws.client("s3"))

    def race(request: Any) -> None:
        if "If-Match" in request.headers and rivals:
            rival.write(rivals.pop(0))

    server = behind(race)
    rival.write(replace(result, sequencer="0"))
    CsvWriter(server.s3).write(replace(result, sequencer="9", csv="mine"))
    assert rivals == []
    assert stage.csv_object(KEY)["text"] == "mine"
    assert all(writes.get("If-Match", '"').startswith('"') for writes in server.writes)


def test_a_refusal_of_another_kind_is_raised(stage: Stage, behind: Behind, result: Result) -> None:
    server = behind(lambda _: int(HTTPStatus.FORBIDDEN))
    with pytest.raises(ClientError, match="AccessDenied"):
        CsvWriter(server.s3).write(result)
    assert server.writes == [{"If-None-Match": "*"}]
