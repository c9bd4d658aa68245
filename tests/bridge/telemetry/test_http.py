"""Health and metrics over HTTP."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest

from hybridsphere.bridge.telemetry import http
from hybridsphere.bridge.telemetry.health import Health
from hybridsphere.bridge.telemetry.http import listen
from hybridsphere.errors import ConfigurationError
from hybridsphere.hosts import is_local
from tests.bridge.bridge_stage import Journal, Vitals
from tests.stage import PATIENCE_S

ROUTES = ("/healthz", "/readyz", "/metrics")


@pytest.fixture
async def client(vitals: Vitals, journal: Journal) -> AsyncIterator[aiohttp.ClientSession]:
    async with listen(("127.0.0.1", 0), "videos", vitals.health, vitals.metrics):
        port = (await journal.seen("web.listening"))["port"]
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            yield session


async def test_a_bridge_that_starts_lives_but_is_not_ready(
    client: aiohttp.ClientSession, vitals: Vitals
) -> None:
    vitals.health._troubles = Health()._troubles
    async with client.get("/healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ok"})
    async with client.get("/readyz") as answer:
        assert answer.status == 503
        assert await answer.json() == {
            "status": "trouble",
            "input_bucket": "videos",
            "troubles": {"bridge": "starting"},
            "remedies": {
                "bridge": {
                    "fix": "wait some seconds; if this lasts, read the log",
                    "see": "docs/operations.md#the-bridge-is-starting",
                }
            },
        }


async def test_readiness_names_what_does_not_work_and_why(
    client: aiohttp.ClientSession, vitals: Vitals
) -> None:
    async with client.get("/readyz") as answer:
        assert answer.status == 200
        assert await answer.json() == {
            "status": "ready",
            "input_bucket": "videos",
            "troubles": {},
            "remedies": {},
        }
    vitals.health.report("results", "disk full")
    vitals.health.report("function", "throttled")
    vitals.health.report("function", "gone")
    async with client.get("/readyz") as answer:
        assert answer.status == 503
        assert (await answer.json())["troubles"] == {"results": "disk full", "function": "gone"}
    async with client.get("/healthz") as answer:
        assert answer.status == 200
    vitals.health.clear("results")
    vitals.health.clear("function")
    async with client.get("/readyz") as answer:
        assert answer.status == 200


async def test_metrics_are_for_prometheus(client: aiohttp.ClientSession, vitals: Vitals) -> None:
    vitals.metrics.received.labels("input").inc(3)
    async with client.get("/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        text = await answer.text()
    assert 'hybridsphere_messages_received_total{queue="input"} 3.0' in text.splitlines()


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
)
@pytest.mark.parametrize("route", [*ROUTES, "/", "/nowhere"])
async def test_no_route_takes_writes(
    client: aiohttp.ClientSession, method: str, route: str
) -> None:
    async with client.request(method, route, data=b"x") as answer:
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("method", "route"),
    [*(("GET", route) for route in ROUTES), ("HEAD", "/healthz"), ("GET", "/"), ("PUT", "/readyz")],
)
async def test_every_answer_carries_the_headers_of_a_careful_server(
    client: aiohttp.ClientSession, method: str, route: str
) -> None:
    async with client.request(method, route) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Server"] == "hybridsphere"


HOSTILE = "\x1b[2J\x9b\u202e<script>alert(1)</script>\r\nX-Injected: 1"


async def test_a_trouble_of_any_text_is_shown_escaped(
    client: aiohttp.ClientSession, vitals: Vitals
) -> None:
    vitals.health.report(HOSTILE, HOSTILE)
    async with client.get("/readyz") as answer:
        assert answer.content_type == "application/json"
        assert "X-Injected" not in answer.headers
        text = await answer.text()
    assert text.isprintable()
    assert json.loads(text)["troubles"] == {HOSTILE: HOSTILE.replace("\r\n", " ")}


async def test_a_label_of_any_text_stays_one_line_of_the_metrics(
    client: aiohttp.ClientSession, vitals: Vitals
) -> None:
    vitals.metrics.results.labels('x"} 1\nforged_total 7').inc()
    async with client.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()
    assert not [line for line in lines if line.startswith("forged")]


async def test_a_path_is_not_shown_again(client: aiohttp.ClientSession) -> None:
    async with client.get("/<script>alert(1)</script>") as answer:
        assert answer.content_type == "text/plain"
        assert "script" not in await answer.text()


@pytest.mark.parametrize("route", ["/", "/healthz/", "/metrics/../../etc/passwd", "//"])
async def test_there_is_nothing_else(client: aiohttp.ClientSession, route: str) -> None:
    async with client.get(route) as answer:
        assert answer.status == 404


async def test_a_port_in_use_is_a_configuration_error(vitals: Vitals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"HYBRIDSPHERE_HTTP=127.0.0.1:{port}.*in use"):
            async with listen(("127.0.0.1", port), "videos", vitals.health, vitals.metrics):
                pass


@pytest.mark.parametrize(
    ("host", "other"),
    [("192.0.2.1", "an address"), ("x" * 70, "an address"), ("no.invalid", "an address")],
    ids=["elsewhere", "too long", "of nobody"],
)
async def test_an_address_of_somebody_else_is_a_configuration_error(
    vitals: Vitals, host: str, other: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"HYBRIDSPHERE_HTTP=.*name {other}"):
        async with listen((host, 0), "videos", vitals.health, vitals.metrics):
            pass


async def test_an_empty_address_opens_no_port(vitals: Vitals, journal: Journal) -> None:
    async with listen(None, "videos", vitals.health, vitals.metrics):
        assert journal.of("web.listening") == []


@pytest.fixture
async def port(vitals: Vitals, journal: Journal) -> AsyncIterator[int]:
    async with listen(("127.0.0.1", 0), "videos", vitals.health, vitals.metrics):
        yield (await journal.seen("web.listening"))["port"]


async def answer_to(port: int, request: bytes) -> bytes:
    """Send bytes, and return all that comes until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read(-1)
    finally:
        writer.close()


BROKEN = {
    "no HTTP": b"hello\r\n\r\n",
    "a bad header": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX y: 1\r\n\r\n",
    "a long line": b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a bad length": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("request_", BROKEN.values(), ids=BROKEN)
async def test_an_answer_to_a_broken_request_has_the_same_headers(
    port: int, request_: bytes
) -> None:
    head = (await answer_to(port, request_)).partition(b"\r\n\r\n")[0].decode().lower()
    assert head.startswith(("http/1.1 400", "http/1.0 400"))
    assert "server: hybridsphere" in head
    assert "cache-control: no-store" in head
    assert "aiohttp" not in head
    assert "python" not in head


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("LOCALHOST.", 200),
        ("[::1]:{port}", 200),
        ("192.0.2.7", 200),
        ("bridge:8080", 200),
        ("bridge.cluster.local", 200),
        ("bridge.internal:8080", 200),
        ("bridge.novalocal:8080", 200),
        ("evil.example", 421),
        ("evil.example:{port}", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("[", 421),
        ("evil.example@127.0.0.1", 200),
        ("127.0.0.1@evil.example", 421),
    ],
)
async def test_a_request_to_another_name_is_misdirected(port: int, host: str, status: int) -> None:
    request = (
        f"GET /metrics HTTP/1.1\r\nHost: {host.format(port=port)}\r\nConnection: close\r\n\r\n"
    )
    head, _, body = (await answer_to(port, request.encode())).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert (b"hybridsphere_" in body) == (status == 200)


def test_the_host_of_the_settings_is_answered() -> None:
    assert is_local("bridge.example.org:8080", "Bridge.example.org")
    assert not is_local("bridge.example.org:8080", "127.0.0.1")
    assert is_local("", "127.0.0.1")


@pytest.mark.parametrize(
    "start",
    [b"", b"GET /healthz HTTP/1.1\r\nHost: a\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"],
)
async def test_an_idle_connection_ends(
    vitals: Vitals, journal: Journal, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(http, "IDLE_S", 0.2)
    async with listen(("127.0.0.1", 0), "videos", vitals.health, vitals.metrics):
        port = (await journal.seen("web.listening"))["port"]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(start)
        async with asyncio.timeout(PATIENCE_S):
            answer = await reader.read(-1)
        writer.close()
    assert (b"200 OK" in answer) == start.endswith(b"\r\n\r\n")


async def test_a_connection_whose_request_drips_in_ends(
    vitals: Vitals, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "IDLE_S", 0.3)
    async with listen(("127.0.0.1", 0), "videos", vitals.health, vitals.metrics):
        port = (await journal.seen("web.listening"))["port"]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nX: ")

        async def drip() -> None:
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(PATIENCE_S):
            # A drop that arrives after the end is answered by a reset.
            with suppress(ConnectionResetError):
                assert await reader.read(-1) == b""
        dripping.cancel()
        writer.close()
