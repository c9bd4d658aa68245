"""What a variable may say: the kinds of values, each with the remedy for what is none."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator


def _queue_url(value: str) -> str:
    # A password in it would be sent to SQS, and told wherever a queue is named by its URL.
    if not re.fullmatch(r"https?://[^/\s@]+/\S+", value):
        raise ValueError(
            "give the queue's URL, as in https://sqs.eu-west-1.amazonaws.com/1234/name"
        )
    return value


def _bucket(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{3,63}", value):
        raise ValueError("give the bucket's bare name, as in input-bucket-video")
    return value


def _function(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9:$_-]{1,170}", value):
        raise ValueError("give the function's name or ARN, with or without a qualifier")
    return value


def _table(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{3,255}", value):
        raise ValueError(
            "give the table's bare name, 3 to 255 letters, digits, dots, hyphens or underscores, "
            "as in students"
        )
    return value


def _address(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not value:
        return None
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError("give host:port, as in 127.0.0.1:8080, or nothing to turn it off")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - `:8080` means every address


QueueUrl = Annotated[str, AfterValidator(_queue_url)]
Bucket = Annotated[str, AfterValidator(_bucket)]
Function = Annotated[str, AfterValidator(_function)]
Table = Annotated[str, AfterValidator(_table)]
Address = Annotated[tuple[str, int] | None, BeforeValidator(_address)]
