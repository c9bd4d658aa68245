"""Every environment variable of the bridge and its tools, typed and documented once.

Credentials, region and endpoints are none of ours: they come from the standard chain of AWS
(`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL`, …).
"""

import os
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hybridsphere.errors import CannotRun

PREFIX = "HYBRIDSPHERE_"

_LONGEST_VALUE = 200


class ConfigurationError(CannotRun):
    """A configuration that cannot work; its text names the variable, the value and the remedy."""


def variable(field: str) -> str:
    """The environment variable of a field of Settings."""
    return f"{PREFIX}{field.upper()}"


def _queue_url(value: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]+/\S+", value):
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
        raise ValueError("give the table's bare name, as in students")
    return value


def _folder(value: Path) -> Path:
    # Linux takes paths of 4,096 bytes, and that of a key's CSV may need 3,500 of them.
    if len(os.fsencode(value.absolute())) > 500:
        raise ValueError("give a folder whose path has 500 bytes or fewer")
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
Folder = Annotated[Path, AfterValidator(_folder)]
Address = Annotated[tuple[str, int] | None, BeforeValidator(_address)]


class Settings(BaseSettings):
    """What the environment says; one field a variable `HYBRIDSPHERE_…`."""

    # enable_decoding off: a host and port is no JSON.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, enable_decoding=False
    )

    input_queue_url: QueueUrl | None = Field(
        None, description="The URL of the queue of S3's events."
    )
    output_queue_url: QueueUrl | None = Field(None, description="The URL of the queue of results.")
    dead_letter_queue_url: QueueUrl | None = Field(
        None, description="Queue for input that can never succeed."
    )
    function_name: Function | None = Field(None, description="The function's name or ARN.")
    source: Literal["queue", "bucket", "none"] = Field("queue", description="Where uploads show.")
    sink: Literal["queue", "bucket"] = Field("queue", description="Where results show.")
    input_bucket: Bucket | None = Field(None, description="The bucket that videos are uploaded to.")
    output_bucket: Bucket | None = Field(None, description="The bucket that CSVs are written to.")
    table: Table | None = Field(None, description="The table of the students.")
    results_dir: Folder = Field(Path("results"), description="Folder of the CSVs and the ledger.")
    invocation_type: Literal["Event", "RequestResponse"] = Field(
        "Event", description="How the function is invoked."
    )
    max_in_flight: int = Field(100, ge=1, le=10_000, description="Messages held at once, a queue.")
    max_attempts: int = Field(
        3, ge=1, le=100, description="RequestResponse: function errors before `failed`."
    )
    drain_s: float = Field(25, gt=0, le=3600, description="Seconds that a stop may take.")
    http: Address = Field(("127.0.0.1", 8080), description="Address of health and metrics.")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: dict[str, Any]) -> dict[str, Any]:
        """An empty variable is one that is not set, as in a template; HTTP's means «off»."""
        return {name: value for name, value in values.items() if value != "" or name == "http"}

    @classmethod
    def load(cls) -> Self:
        """Read the environment; raises ConfigurationError for a value that cannot work."""
        try:
            return cls()
        except ValidationError as error:
            raise ConfigurationError(_sentence(error)) from None

    def need(self, field: str) -> str:
        """The value of a variable without which the caller cannot work."""
        self.require(field)
        return str(getattr(self, field))

    def require(self, *fields: str) -> None:
        """Raise ConfigurationError if one of these is missing; its line names all that are."""
        missing = [field for field in fields if getattr(self, field) is None]
        if missing:
            strange = [f"{name} is set, but unknown." for name in unknown_variables(os.environ)]
            raise ConfigurationError(" ".join([*map(_lack, missing), *strange]))

    def check_bridge(self) -> None:
        """Raise ConfigurationError if a variable is missing that this source and sink need, or if
        two name the same that must differ.
        """
        of_source = {
            "queue": ["function_name", "input_queue_url"],
            "bucket": ["function_name"],
            "none": [],
        }
        of_sink = {"queue": "output_queue_url", "bucket": "output_bucket"}
        self.require("input_bucket", *of_source[self.source], of_sink[self.sink])
        # What is put into the second would come out of the first, for ever.
        self._refuse_the_same("input_bucket", "output_bucket")
        queues = ("input_queue_url", "output_queue_url", "dead_letter_queue_url")
        for one, other in combinations(queues, 2):
            self._refuse_the_same(one, other)

    def _refuse_the_same(self, one: str, other: str) -> None:
        value = getattr(self, one)
        if value is not None and value == getattr(self, other):
            raise ConfigurationError(
                f"{variable(one)} and {variable(other)} are both {value!r}: name two"
            )


# Read by the function, not by the bridge, but at home in the same file of variables.
_OF_THE_FUNCTION = {
    variable(name) for name in ("gallery", "tolerance", "frames_per_s", "mode", "table")
}


def unknown_variables(environ: Mapping[str, str]) -> dict[str, str | None]:
    """Variables that begin as ours do and that nothing reads, each with the known name nearest."""
    known = {variable(field) for field in Settings.model_fields} | _OF_THE_FUNCTION
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    return {name: _nearest(name, known) for name in unknown}


def _nearest(name: str, known: Iterable[str]) -> str | None:
    # Without the beginning, by which all are alike.
    names = [one.removeprefix(PREFIX) for one in sorted(known)]
    found = get_close_matches(name.removeprefix(PREFIX), names, n=1)
    return PREFIX + found[0] if found else None


def _lack(field: str) -> str:
    description = Settings.model_fields[field].description or ""
    return f"{variable(field)} is not set. Needed: {description[:1].lower()}{description[1:]}"


def _sentence(error: ValidationError) -> str:
    """The first complaint, as one line; the others show when this one is mended."""
    first = error.errors(include_url=False)[0]
    name = variable(str(first["loc"][0]))
    value = repr(first["input"])
    shown = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"
    return f"{name}={shown} cannot be used: {first['msg'].removeprefix('Value error, ')}"
