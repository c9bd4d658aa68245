"""The hosts that endpoints name."""

import socket
from typing import Any

import pytest

from hybridsphere.aws import resolve


async def test_each_address_of_a_name_is_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        kind = socket.SOCK_STREAM
        return [
            (socket.AF_INET, kind, 6, "", ("10.0.0.6", port)),
            (socket.AF_INET, kind, 6, "", ("10.0.0.5", port)),
            (socket.AF_INET6, kind, 6, "", ("fd00::5", port, 0, 0)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    endpoints = [
        "http://workers.internal:9000",
        "http://10.0.0.5:9000",
        "http://[fd00::7]:9000/",
        "https://faces.example.org",
    ]
    assert await resolve(endpoints) == [
        "http://10.0.0.5:9000",
        "http://10.0.0.6:9000",
        "http://[fd00::5]:9000",
        "http://[fd00::7]:9000",
        "https://faces.example.org",
    ]
    assert asked == ["workers.internal"]


async def test_a_name_that_cannot_be_looked_up_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror("unknown")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(OSError, match="unknown"):
        await resolve(["http://nowhere:9000"])
