"""The forms of values, each with the remedy for any other."""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

_LONGEST_PATH = 500

OLD_NAMES = {
    "source": {"none": "direct", "monitor": "bucket"},
    "sink": {"mirror": "bucket"},
}
"""Old names of sources and sinks, each with the new one."""


def _matching(pattern: str, remedy: str) -> AfterValidator:
    """Refuse other values than those of a pattern."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(remedy)
        return value

    return AfterValidator(check)


def _address(value: object) -> object:
    """Split `host:port`; an empty value means none."""
    if not isinstance(value, str):
        return value
    if not value:
        return None
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError("give host:port, as in 127.0.0.1:8080, or nothing to turn it off")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - `:8080` means every address


def _names(value: object) -> object:
    """Split names at commas and blanks."""
    return tuple(value.lower().replace(",", " ").split()) if isinstance(value, str) else value


def _host_names(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(re.fullmatch(r"[a-z0-9.-]{1,253}", name) for name in names):
        raise ValueError("give bare host names, as in faces.example.org")
    return names


def _addresses(addresses: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(ip_address(address)) for address in addresses)
    except ValueError:
        raise ValueError("give IP addresses, as in 10.0.0.5") from None


def _short(path: Path) -> Path:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise ValueError(f"name a file whose path has {_LONGEST_PATH} bytes or fewer")
    return path


def _renamed(new_names: Mapping[str, str]) -> BeforeValidator:
    """Refuse the old names of a value, and give the new ones."""

    def check(value: object) -> object:
        if isinstance(value, str) and value in new_names:
            raise ValueError(f"set it to {new_names[value]}, its new name")
        return value

    return BeforeValidator(check)


_ENDPOINT = re.compile(r"https?://[^/\s@,?#]+/?")


def _endpoints(value: object) -> object:
    """Split URLs at commas and spaces."""
    if not isinstance(value, str):
        return value
    found = tuple(dict.fromkeys(value.replace(",", " ").split()))
    if not found or not all(_ENDPOINT.fullmatch(one) for one in found):
        raise ValueError("give the hosts' URLs, as in http://10.0.0.5:9000, http://10.0.0.6:9000")
    return found


# SQS would get a password in the URL, and the URL names the queue in logs.
QueueUrl = Annotated[
    str,
    _matching(
        r"https?://[^/\s@]+/\S+",
        "give the queue's URL, as in https://sqs.eu-west-1.amazonaws.com/1234/name",
    ),
]
SignalUrl = Annotated[
    str,
    _matching(
        r"https?://[^/\s@]+/[^\s]{1,4000}",
        "give the URL of a scaling policy, as the stack's outputs have it",
    ),
]
BucketName = Annotated[
    str,
    _matching(r"[A-Za-z0-9._-]{3,63}", "give the bucket's bare name, as in input-bucket-video"),
]
FunctionName = Annotated[
    str,
    _matching(
        r"[A-Za-z0-9:$_-]{1,170}", "give the function's name or ARN, with or without a qualifier"
    ),
]
TableName = Annotated[
    str, _matching(r"[A-Za-z0-9._-]{3,255}", "give the table's bare name, as in students")
]
Endpoints = Annotated[tuple[str, ...] | None, BeforeValidator(_endpoints)]
GalleryPlace = Annotated[
    str,
    _matching(
        r"(?:s3://[A-Za-z0-9._-]{3,63}/|(?![a-z0-9]+://)).{1,1024}",
        "give a file's path, or s3://bucket/key",
    ),
]
HeaderName = Annotated[
    str, _matching(r"[A-Za-z0-9-]{1,64}", "give a header's name, as in X-Remote-User")
]
HostNames = Annotated[tuple[str, ...], BeforeValidator(_names), AfterValidator(_host_names)]
Addresses = Annotated[tuple[str, ...], BeforeValidator(_names), AfterValidator(_addresses)]
FilePath = Annotated[Path, AfterValidator(_short)]
Address = Annotated[tuple[str, int] | None, BeforeValidator(_address)]
Source = Annotated[Literal["queue", "bucket", "direct"], _renamed(OLD_NAMES["source"])]
Sink = Annotated[Literal["queue", "bucket"], _renamed(OLD_NAMES["sink"])]
