"""The calls sent directly are, on the wire, those that aiobotocore would have sent."""

import asyncio
import json
import os
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import SocketTimeoutError
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import HTTPClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hybridsphere.aws import (
    Aws,
    AwsError,
    Function,
    Refused,
    Throttled,
    Unavailable,
    client_config,
    clients,
    connect,
    direct,
    session,
)
from hybridsphere.aws import function as function_module
from hybridsphere.aws import queue as queue_module
from hybridsphere.errors import CannotRunNow
from tests import samples

RECORD = samples.record("ü.mp4")
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/queue"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:recognise:live"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}

VARYING = {
    "authorization",
    "x-amz-date",
    # Which requests are tries of one call; never signed.
    "amz-sdk-invocation-id",
    "amz-sdk-request",
}

ANSWER = b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: 1\r\nContent-Length: 2\r\n\r\n{}"
NAMING = json.dumps(
    {
        "videos": [
            {
                "bucket": RECORD.bucket,
                "key": RECORD.key,
                "etag": RECORD.etag,
                "sequencer": RECORD.sequencer,
                "event_time": RECORD.event_time,
            }
        ]
    }
).encode()
ANSWERS = {
    "RequestResponse": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(NAMING), NAMING),
    "Event": ANSWER.replace(b"200 OK", b"202 Accepted"),
    "DryRun": b"HTTP/1.1 204 No Content\r\nx-amzn-RequestId: 1\r\n\r\n",
}
"""Special answers, by invocation type."""


@dataclass(frozen=True)
class Request:
    """A request as it came; the names of headers in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def signed(self) -> list[str]:
        return self._authorization("SignedHeaders").split(";")

    def signature_holds(self, secret: str) -> bool:
        """Whether botocore, given what came and its date, signs it alike."""
        access, _, region, service, _ = self._authorization("Credential").split("/")
        token = self.headers.get("x-amz-security-token")
        auth = SigV4Auth(ReadOnlyCredentials(access, secret, token, None), service, region)
        method, path, _ = self.line.split()
        address = f"http://{self.headers['host']}{path}"
        headers = {name: self.headers[name] for name in self.signed}
        request = AWSRequest(method, address, headers, self.body)
        request.context["timestamp"] = self.headers["x-amz-date"]
        text = auth.string_to_sign(request, auth.canonical_request(request))
        return bool(auth.signature(text, request) == self._authorization("Signature"))

    def _authorization(self, part: str) -> str:
        return self.headers["authorization"].partition(f"{part}=")[2].partition(",")[0]

    def without_date(self) -> tuple[str, dict[str, str], bytes, list[str]]:
        """All that two requests of one call have in common."""
        headers = {name: text for name, text in self.headers.items() if name not in VARYING}
        # The other features of botocore in use, in no order.
        headers["user-agent"] = re.sub(r" m/\S+", "", headers["user-agent"])
        return self.line, headers, self.body, self.signed


@dataclass
class Recorder:
    """A server that takes down what comes, byte for byte, and answers everything alike."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    answers_each: int = 1000
    """Requests that a connection is answered before it breaks off."""
    answers: list[bytes] = field(default_factory=list)
    """Answers to the first requests."""
    ends_after_answers: bool = False
    """Whether these are the last of their connections."""
    answers_connect: bool = True
    came: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        left = self.answers_each
        while head := (await _head(reader)).decode():
            line, *lines = head.rstrip().split("\r\n")
            headers = {
                name.lower(): text for name, _, text in (one.partition(": ") for one in lines)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append(Request(line, headers, body))
            self.came.set()
            if line.startswith("CONNECT") and not self.answers_connect:
                continue
            if left == 0 or line.startswith("CONNECT"):
                break
            left -= 1
            if self.answers:
                writer.write(self.answers.pop(0))
                if self.ends_after_answers:
                    break
                continue
            writer.write(ANSWERS.get(headers.get("x-amz-invocation-type", ""), ANSWER))
        writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


Record = Callable[..., Awaitable[Recorder]]


@pytest.fixture
async def record() -> AsyncIterator[Record]:
    """Starts recorders."""
    servers: list[asyncio.Server] = []

    async def start(tls: ssl.SSLContext | None = None, answers_each: int = 1000) -> Recorder:
        recorder = Recorder(answers_each=answers_each)
        server = await asyncio.start_server(recorder.serve, "127.0.0.1", 0, ssl=tls)
        recorder.port = server.sockets[0].getsockname()[1]
        servers.append(server)
        return recorder

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, text in CREDENTIALS.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def connected() -> Any:
    return connect(polls=1, invocations=1, invocation_type="Event")


async def receive(aws: Aws) -> None:
    await aws.queue(QUEUE).receive(7, visibility_timeout_s=30, wait_s=20)


async def delete(aws: Aws) -> None:
    await aws.queue(QUEUE).delete(["a", "ü/+="])


async def extend(aws: Aws) -> None:
    await aws.queue(QUEUE).change_visibility(["a"], 30)


async def invoke(aws: Aws) -> None:
    await aws.function("recognise", "Event").invoke(RECORD)


async def invoke_by_arn(aws: Aws) -> None:
    await aws.function(ARN, "RequestResponse").invoke(RECORD)


async def probe(aws: Aws) -> None:
    await aws.function("recognise", "Event").probe()


async def call_all(aws: Aws) -> None:
    for call in (receive, delete, extend, invoke, invoke_by_arn, probe):
        await call(aws)


async def call_all_by_aiobotocore() -> None:
    """The same, in the same order."""
    config = client_config(1)
    async with session().create_client("sqs", config=config) as sqs:
        await sqs.receive_message(
            QueueUrl=QUEUE, MaxNumberOfMessages=7, VisibilityTimeout=30, WaitTimeSeconds=20
        )
        entries = [{"Id": "0", "ReceiptHandle": "a"}, {"Id": "1", "ReceiptHandle": "ü/+="}]
        await sqs.delete_message_batch(QueueUrl=QUEUE, Entries=entries)
        hidden = [{"Id": "0", "ReceiptHandle": "a", "VisibilityTimeout": 30}]
        await sqs.change_message_visibility_batch(QueueUrl=QUEUE, Entries=hidden)
    async with session().create_client("lambda", config=config) as function:
        payload = orjson.dumps(RECORD.to_event())
        await function.invoke(FunctionName="recognise", InvocationType="Event", Payload=payload)
        await function.invoke(FunctionName=ARN, InvocationType="RequestResponse", Payload=payload)
        await function.invoke(FunctionName="recognise", InvocationType="DryRun")


@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:{port}"},
        {"AWS_ENDPOINT_URL": "http://localhost:{port}/under/a%20path/"},
        {
            "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:{port}",
            "AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:{port}",
            "AWS_SESSION_TOKEN": "token/+=",
            "AWS_REGION": "eu-central-1",
        },
    ],
    ids=["plain", "path", "services and token"],
)
async def test_a_request_equals_that_of_aiobotocore_except_its_date(
    record: Record, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    recorder = await record()
    for name, text in environment.items():
        monkeypatch.setenv(name, text.format(port=recorder.port))
    await call_all_by_aiobotocore()
    expected = [request.without_date() for request in recorder.requests]
    assert len(expected) == 6
    async with connected() as aws:
        await call_all(aws)
        # A second time, from the requests kept.
        await call_all(aws)
    assert [
        request.without_date() for request in recorder.requests[len(expected) :]
    ] == expected * 2
    assert all(request.signature_holds("secret") for request in recorder.requests)
    # One each, kept alive.
    assert recorder.connections == 4


@pytest.mark.parametrize("call", [receive, delete, invoke, invoke_by_arn, probe])
async def test_tcp_probes_the_other_end_of_a_silent_connection(
    record: Record, monkeypatch: pytest.MonkeyPatch, call: Callable[[Aws], Awaitable[None]]
) -> None:
    recorder = await record()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    async with connected() as aws:
        await call(aws)
        (connection,) = [one for client in (aws._sqs, aws._lambda) for one in sockets_of(client)]
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
            assert connection.getsockopt(socket.IPPROTO_TCP, option) == clients.KEEPALIVE_S


def sockets_of(client: Any) -> list[Any]:
    """Those of the connections that a client keeps for its next calls."""
    sessions = client._endpoint.http_session._sessions.values()
    kept = [pool for session in sessions for pool in session.connector._conns.values()]
    return [protocol.transport.get_extra_info("socket") for pool in kept for protocol, *_ in pool]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_REGION": "us-west-2"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_REGION": "cn-north-1"},
        {"AWS_CONFIG_FILE": "{config}", "AWS_PROFILE": "elsewhere"},
        {"NO_PROXY": "localhost", "AWS_ENDPOINT_URL": "http://localhost:{port}"},
    ],
    ids=["plain", "fips", "dual stack", "profile", "no proxy"],
)
async def test_endpoints_and_proxies_are_those_of_aiobotocore(
    record: Record, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str]
) -> None:
    # A proxy hears the target of a connection, even of one that fails.
    recorder = await record(answers_each=0)
    proxy = f"http://me:secret@127.0.0.1:{recorder.port}"
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.setenv("HTTP_PROXY", proxy)
    config = tmp_path / "config"
    config.write_text(
        "[profile elsewhere]\nregion = eu-west-3\nservices = ours\n"
        "[services ours]\nsqs =\n  endpoint_url = https://queues.example:8443\n"
        "lambda =\n  endpoint_url = http://functions.example/path\n"
    )
    for name, text in environment.items():
        monkeypatch.setenv(name, text.format(port=recorder.port, config=config))
    for service, method, parameters in (
        ("sqs", "receive_message", {"QueueUrl": QUEUE}),
        ("lambda", "invoke", {"FunctionName": ARN}),
    ):
        async with session().create_client(service, config=client_config(1)) as client:
            with pytest.raises(HTTPClientError):
                await getattr(client, method)(**parameters)
    async with connected() as aws:
        for call in (receive, invoke_by_arn):
            with pytest.raises(Unavailable):
                await call(aws)
    heads = [
        (request.line, request.headers.get("proxy-authorization")) for request in recorder.requests
    ]
    assert len(heads) == 4
    assert heads[:2] == heads[2:]


async def test_an_error_about_a_proxy_without_a_host_hides_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@:3128")
    async with connected() as aws:
        for call in (receive(aws), aws.queue(QUEUE).change_visibility(["a"], 0)):
            with pytest.raises(AwsError) as failed:
                await call
            assert "secret" not in str(failed.value)


async def test_credentials_are_those_of_the_moment(
    record: Record, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source, config = tmp_path / "credentials", tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = cat {source}\n")
    recorder = await record()

    def rotate(number: int) -> None:
        # So close to its end that botocore refreshes it at every call.
        end = datetime.now(UTC) + timedelta(minutes=5)
        keys = {"AccessKeyId": f"KEY{number}", "SecretAccessKey": f"secret{number}"}
        more = {"SessionToken": f"token{number}", "Expiration": end.isoformat(), "Version": 1}
        source.write_text(json.dumps({**keys, **more}))

    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    rotate(0)
    async with connected() as aws:
        queue = aws.queue(QUEUE)
        for number in (1, 2):
            rotate(number)
            await queue.receive(1, visibility_timeout_s=30)
    for number, request in enumerate(recorder.requests, 1):
        assert request.headers["x-amz-security-token"] == f"token{number}"
        assert f"Credential=KEY{number}/" in request.headers["authorization"]
        assert request.signature_holds(f"secret{number}")


async def test_credentials_that_waited_for_a_connection_sign_no_later_call(
    record: Record, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source, config = tmp_path / "credentials", tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = cat {source}\n")
    recorder = await record()

    def rotate(number: int) -> None:
        end = datetime.now(UTC) + timedelta(hours=5)
        keys = {"AccessKeyId": f"KEY{number}", "SecretAccessKey": "secret"}
        more = {"SessionToken": f"token{number}", "Expiration": end.isoformat(), "Version": 1}
        source.write_text(json.dumps({**keys, **more}))

    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    waits, connects = asyncio.Event(), asyncio.Event()
    connect_at_once = direct._Request._connect

    async def connect_late(request: direct._Request, session: Any) -> Any:
        if not waits.is_set():
            waits.set()
            await connects.wait()
        return await connect_at_once(request, session)

    monkeypatch.setattr(direct._Request, "_connect", connect_late)
    rotate(0)
    async with connected() as aws:
        queue = aws.queue(QUEUE)
        # Builds the request that all calls share.
        late = asyncio.create_task(queue.receive(1, visibility_timeout_s=30))
        await waits.wait()
        rotate(1)
        credentials: Any = aws._sqs._request_signer._credentials
        credentials._expiry_time = datetime.now(UTC) + timedelta(minutes=5)
        await queue.receive(1, visibility_timeout_s=30)
        connects.set()
        await late
        await queue.receive(1, visibility_timeout_s=30)
    tokens = [request.headers["x-amz-security-token"] for request in recorder.requests]
    assert tokens == ["token1", "token0", "token1"]


@pytest.mark.parametrize("page", [b"<html>told</html>", b"<html>told"])
async def test_a_role_without_credentials_is_unavailable_and_not_quoted(
    record: Record, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, page: bytes
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/bridge\nsource_profile = own\n"
        "[profile own]\naws_access_key_id = own\naws_secret_access_key = own\n"
    )
    recorder = await record()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page)
    recorder.answers += [answer] * 2
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    async with connected() as aws:
        for call in (receive(aws), aws.queue(QUEUE).attributes()):
            with pytest.raises(Unavailable) as failed:
                await call
            assert "told" not in str(failed.value)


@pytest.mark.parametrize("answer", [b"[]", b"{}"])
async def test_a_start_reports_a_credentials_source_that_answers_nonsense(
    record: Record, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    recorder = await record()
    recorder.answers.append(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + answer)
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    source = f"http://127.0.0.1:{recorder.port}"
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", source)
    with pytest.raises(CannotRunNow, match="no AWS credentials at the moment"):
        async with connected():
            pass


async def test_a_signature_is_of_its_day(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    monkeypatch.setattr(direct, "time", lambda: now.timestamp())  # noqa: PLW0108 - it moves
    recorder = await record()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    async with connected() as aws:
        queue = aws.queue(QUEUE)
        for _ in range(2):
            await queue.receive(1, visibility_timeout_s=30)
            now += timedelta(seconds=1)
    dates = [request.headers["x-amz-date"] for request in recorder.requests]
    assert dates == ["20261231T235959Z", "20270101T000000Z"]
    assert all(request.signature_holds("secret") for request in recorder.requests)


async def test_a_broken_connection_is_unavailable_and_sends_nothing_twice(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = await record(answers_each=1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    async with connected() as aws:
        function = aws.function("recognise", "Event")
        await function.invoke(RECORD)
        with pytest.raises(Unavailable, match=r"Invoke: .*disconnected"):
            await function.invoke(RECORD)
        assert len(recorder.requests) == 2
        await function.invoke(RECORD)
    assert recorder.connections == 2


CUT_OFF = {
    b"": "the other side disconnected before it answered",
    b"HTTP/1.1 103 Early Hints\r\n\r\n": "the other side disconnected before it answered",
    b"HTTP/1.1 20": "the other side disconnected in the middle of the answer's head",
    b"HTTP/1.1 200 OK\r\nX-Told: it\r\nConten": (
        "the other side disconnected in the middle of the answer's head"
    ),
    b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"told': (
        "the answer broke off in the middle of its body"
    ),
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"told': (
        "the answer broke off in the middle of its body"
    ),
    b"HTTP/1.1 200 OK\r\nX told\r\n\r\n": "no HTTP: Invalid header token",
    b"HTTP/1.1 200 OK\r\nX: %b\r\n\r\n" % (b"told" * 5000): (
        "no HTTP: Got more than 8190 bytes when reading"
    ),
}


@pytest.mark.parametrize("answer", CUT_OFF, ids=range(len(CUT_OFF)))
async def test_an_answer_that_breaks_off_is_located_but_not_quoted(
    record: Record, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    recorder = await record()
    recorder.ends_after_answers = True
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    async with connected() as aws:
        queue = aws.queue(QUEUE)
        calls = {
            "ReceiveMessage": partial(queue.receive, 1, visibility_timeout_s=30),
            # The one is sent directly, the other by aiobotocore.
            "ChangeMessageVisibilityBatch": partial(queue.change_visibility, ["a"], 0),
        }
        for name, call in calls.items():
            recorder.answers.append(answer)
            with pytest.raises(Unavailable) as failed:
                await call()
            assert str(failed.value) == f"{name}: {CUT_OFF[answer]}"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    ],
    ids=["after a provisional one", "in chunks"],
)
async def test_an_answer_is_read_to_its_end_and_its_connection_used_again(
    record: Record, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    recorder = await record()
    recorder.answers.append(answer)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    async with connected() as aws:
        queue = aws.queue(QUEUE)
        for _ in range(2):
            assert await queue.receive(1, visibility_timeout_s=30) == []
    assert (len(recorder.requests), recorder.connections) == (2, 1)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", b"SSH-2.0\r\n\r\n"],
    ids=["that is its last", "of no HTTP"],
)
async def test_no_connection_is_used_after_an_answer(
    record: Record, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    recorder = await record()
    recorder.answers.append(answer)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    async with connected() as aws:
        queue = aws.queue(QUEUE)
        with suppress(Unavailable):
            await queue.receive(1, visibility_timeout_s=30)
        await queue.receive(1, visibility_timeout_s=30)
    assert recorder.connections == 2


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"],
    ids=["at all", "after a provisional one", "to the end"],
)
async def test_an_answer_that_does_not_come_is_not_waited_for_for_good(
    record: Record, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    recorder = await record()
    recorder.answers.append(answer)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    async with session().create_client("sqs", config=client_config(1, 0.1)) as sqs:
        with pytest.raises(SocketTimeoutError):
            await direct.Call(sqs, "ReceiveMessage", QueueUrl=QUEUE)(b"{}")


@pytest.mark.parametrize("call", [delete, extend, invoke])
async def test_an_immediate_answer_has_a_shorter_limit_than_a_poll(
    record: Record, monkeypatch: pytest.MonkeyPatch, call: Callable[[Aws], Awaitable[None]]
) -> None:
    monkeypatch.setattr(queue_module, "ANSWER_S", 0.1)
    monkeypatch.setattr(function_module, "ACCEPTED_S", 0.1)
    recorder = await record()
    recorder.answers.append(b"")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    async with connected() as aws:
        with pytest.raises(Unavailable, match=r"no answer within 0\.1 s"):
            await call(aws)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 202 A\r\nContent-Length: 2\r\n\r\n{"],
    ids=["at all", "after a provisional one", "to the end"],
)
async def test_a_call_on_an_idle_connection_ends_in_time_and_so_do_those_behind_it(
    record: Record, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    recorder = await record()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    async with connect(polls=1, invocations=2, invocation_type="Event") as aws:
        function = aws.function("recognise", "Event")
        await asyncio.gather(*(function.invoke(RECORD) for _ in range(2)))
        recorder.answers += [answer, answer]
        with monkeypatch.context() as hurry:
            hurry.setattr(function_module, "ACCEPTED_S", 0.1)
            late = [asyncio.create_task(function.invoke(RECORD)) for _ in range(2)]
            for call in late:
                with pytest.raises(Unavailable, match=r"no answer within 0\.1 s"):
                    await call
        await function.invoke(RECORD)
    assert recorder.connections == 3


@pytest.mark.parametrize("part", ["proxy", "resolver"])
async def test_a_silent_proxy_or_resolver_ends_the_call_in_time(
    record: Record, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(clients, "CONNECTED_WITHIN_S", 0.1)
    recorder = await record()
    recorder.answers_connect = False

    async def look_up(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    if part == "proxy":
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{recorder.port}")
    else:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    async with connected() as aws:
        queue = aws.queue(QUEUE)
        # One by one of the two ways that calls go.
        for call in (queue.receive(1, visibility_timeout_s=30), queue.attributes()):
            with pytest.raises(Unavailable, match=r"[Tt]ime"):
                await call


async def test_an_abandoned_answer_is_not_taken_for_the_next_one(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = await record()
    recorder.answers.append(b"")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    async with connected() as aws:
        queue = aws.queue(QUEUE)
        poll = asyncio.create_task(queue.receive(1, visibility_timeout_s=30))
        await recorder.came.wait()
        poll.cancel()
        with pytest.raises(asyncio.CancelledError):
            await poll
        assert await queue.receive(1, visibility_timeout_s=30) == []
    assert recorder.connections == 2


async def test_an_answer_that_comes_twice_is_not_taken_for_the_next_one(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = b"HTTP/1.1 202 Accepted\r\nx-amzn-RequestId: 1\r\nContent-Length: 0\r\n\r\n"
    recorder = await record()
    recorder.answers += [accepted, b"HTTP/1.1 429 Too Many\r\nContent-Length: 2\r\n\r\n{}"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    async with session().create_client("lambda", config=client_config(1)) as client:
        function = Function(client, "recognise", "Event")
        await function.invoke(RECORD)
        recorder.writers[0].write(accepted)
        pool = client._endpoint.http_session._sessions[None].connector._conns
        ((idle, _),) = next(iter(pool.values()))
        while not idle.should_close:  # noqa: ASYNC110 - aiohttp tells nobody
            await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="before the request"):
            await function.invoke(RECORD)
        with pytest.raises(Throttled):
            await function.invoke(RECORD)
    assert (len(recorder.requests), recorder.connections) == (2, 2)


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"])
async def test_a_credential_with_a_line_break_is_refused_and_not_quoted(
    record: Record, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    recorder = await record()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{recorder.port}")
    monkeypatch.setenv(name, "tok\r\nX-Forged: en")
    async with connected() as aws:
        with pytest.raises(Refused, match="line break") as refused:
            await receive(aws)
    assert "tok" not in str(refused.value)
    assert recorder.requests == []


async def test_certificates_are_checked_against_the_bundle_of_aws(
    record: Record, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    recorder = await record(tls_of_its_own(bundle))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{recorder.port}")
    async with connected() as aws:
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await invoke(aws)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    async with connected() as aws:
        await invoke(aws)
    assert len(recorder.requests) == 1


def tls_of_its_own(bundle: Path) -> ssl.SSLContext:
    """A server's side, with a certificate for localhost that only those trust who have `bundle`."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    bundle.write_bytes(certificate.public_bytes(pem))
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(pem, form, serialization.NoEncryption())
    both = bundle.with_name("server")
    both.write_bytes(secret + certificate.public_bytes(pem))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(both)
    return context
