"""What the function tells of an error: in its log, and to Lambda, which tells the bridge."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import get_session

from hybridsphere.messages import LONGEST_TEXT, parse_output
from lambda_fn import handler
from lambda_fn.runtime import aws
from lambda_fn.runtime.errors import reportable
from tests.lambda_fn.function_stage import LogLines, Stage
from tests.leaks import SECRET
from tests.samples import failure_record

TOKEN = "the-session-token-of-all-tests"
PASSWORD = "the-proxy-password-of-all-tests"


class Quoting(BaseHTTPRequestHandler):
    """Refuses every request as AWS does one whose signature is wrong: it quotes the request."""

    quoted: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        message = f"The signature does not match.\n\nThe Canonical String is\n{self.headers}"
        self.quoted.append(message)
        body = json.dumps({"__type": "InvalidSignatureException", "message": message}).encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def quoted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the output queue answers: its error quotes a session token."""
    quoted: list[str] = []
    kind = type("Answering", (Quoting,), {"quoted": quoted})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        Thread(target=server.serve_forever).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
        _forget_clients()
        yield quoted
        server.shutdown()
    monkeypatch.undo()
    _forget_clients()


def _forget_clients() -> None:
    aws.client.cache_clear()
    aws._session.cache_clear()
    handler._gallery_source.cache_clear()


def test_an_error_that_quotes_its_request_is_shown_without_it(
    stage: Stage, quoted: list[str], log_lines: LogLines
) -> None:
    record = stage.upload("clip.mp4", b"")
    with pytest.raises(Exception, match="InvalidSignatureException") as raised:
        handler.face_recognition_handler(record.to_event(), stage.context())
    # What is not told was said.
    assert all(TOKEN in message for message in quoted)
    assert quoted
    [line] = log_lines()
    # As the runtime client tells Lambda, and Lambda the bridge.
    payload = {"errorType": type(raised.value).__name__, "errorMessage": str(raised.value)}
    body = failure_record(record, condition="RetriesExhausted", responsePayload=payload)
    [result] = parse_output(body)
    assert result.reason == f"RetriesExhausted: {line['error']}"
    assert line["error"].startswith("ClientError: An error occurred (InvalidSignatureException)")
    assert line["error"].endswith("The signature does not match.")
    assert TOKEN not in body + json.dumps(line)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    "proxy",
    [
        f"http://user:{PASSWORD}@127.0.0.1:99999",
        f"http://user:{PASSWORD}/@127.0.0.1:1",
        f"socks5://user:{PASSWORD}@127.0.0.1:1",
    ],
)
def test_an_error_of_a_proxy_is_shown_without_its_password(proxy: str) -> None:
    once = Config(proxies={"http": proxy}, retries={"total_max_attempts": 1})
    client = get_session().create_client(
        "sqs",
        config=once,
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="test",
        aws_secret_access_key=SECRET,
    )
    with pytest.raises(BotoCoreError) as raised:
        client.list_queues()
    told = reportable(raised.value)
    assert type(told).__name__ == type(raised.value).__name__
    assert PASSWORD in str(raised.value)
    assert PASSWORD not in str(told)


def test_the_place_of_an_error_and_a_line_of_its_text_are_shown() -> None:
    with pytest.raises(KeyError) as raised:
        {}["x" * 9999]
    told = reportable(raised.value)
    assert (type(told).__name__, len(str(told))) == ("KeyError", LONGEST_TEXT)
    assert told.__traceback__ is raised.value.__traceback__
