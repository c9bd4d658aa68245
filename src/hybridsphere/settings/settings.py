"""Every environment variable of the bridge and its tools: type, default, problems.

Credentials, region and endpoints come from the standard chain of AWS (`AWS_REGION`, `AWS_PROFILE`,
`AWS_ENDPOINT_URL`, …).
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import chain, combinations
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hybridsphere.errors import ConfigurationError
from hybridsphere.settings.problem import PREFIX, Problem, quoted, variable
from hybridsphere.settings.values import (
    Address,
    Addresses,
    BucketName,
    Endpoints,
    FilePath,
    FunctionName,
    GalleryPlace,
    HeaderName,
    HostNames,
    QueueUrl,
    SignalUrl,
    Sink,
    Source,
    TableName,
)

# Linux takes paths of 4,096 bytes, and the path of a key's CSV may need 3,500 of them.
_LONGEST_FOLDER = 500

_NEEDED: dict[str, dict[str, tuple[str, ...]]] = {
    "source": {
        "queue": ("function_name", "input_queue_url"),
        "bucket": ("function_name",),
        "direct": (),
    },
    "sink": {"queue": ("output_queue_url",), "bucket": ("output_bucket",)},
}
"""The fields that each source and sink cannot do without."""

# The function and its host read these, and the file of the bridge's variables may have them too.
_OF_THE_FUNCTION = (
    "tolerance",
    "frames_per_s",
    "mode",
    "table",
    "place",
    "host",
    "host_workers",
    "host_memory_mb",
    "host_timeout_s",
)


class Settings(BaseSettings):
    """The environment, one field a variable `HYBRIDSPHERE_…`."""

    # enable_decoding off: a host and port is not JSON.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, enable_decoding=False
    )

    input_queue_url: QueueUrl | None = Field(None, description="the URL of the queue of events")
    output_queue_url: QueueUrl | None = Field(None, description="the URL of the queue of results")
    dead_letter_queue_url: QueueUrl | None = Field(
        None, description="the URL of the queue of rejected input"
    )
    function_name: FunctionName | None = Field(None, description="the function's name or ARN")
    source: Source = Field("queue", description="where uploads come from")
    sink: Sink = Field("queue", description="where results come from")
    input_bucket: BucketName | None = Field(None, description="the name of the bucket of videos")
    output_bucket: BucketName | None = Field(None, description="the name of the bucket of CSVs")
    table: TableName | None = Field(None, description="the name of the table of the students")
    gallery: GalleryPlace | None = Field(
        None, description="the known faces: a path, or s3://bucket/key"
    )
    results_dir: Path = Field(Path("results"), description="the folder of the CSVs and the ledger")
    invocation_type: Literal["Event", "RequestResponse"] = Field(
        "Event", description="how the function is invoked"
    )
    private_endpoints: Endpoints = Field(
        None, description="the URLs of hosts of one's own, one or several"
    )
    private_wait_s: float = Field(
        30.0,
        ge=0,
        le=86_400,
        description="seconds that an upload may have to wait for a host",
    )
    daily_budget_usd: float | None = Field(
        None, ge=0, le=1_000_000, description="what Lambda may cost a day in UTC"
    )
    scale_out_url: SignalUrl | None = Field(
        None, description="the URL that adds a host; whoever has it may signal"
    )
    scale_in_url: SignalUrl | None = Field(None, description="the URL that removes a host")
    host_keys: FilePath | None = Field(None, description="the file of the hosts' key pairs")
    max_in_flight: int = Field(100, ge=1, le=10_000, description="messages held at once, a queue")
    max_attempts: int = Field(
        3, ge=1, le=100, description="RequestResponse: function errors before `failed`"
    )
    keep_results_days: int | None = Field(
        None, ge=15, le=36_500, description="days that the ledger keeps a result"
    )
    keep_unknown_days: int = Field(
        14, ge=1, le=36_500, description="days that the memory keeps faces without a name"
    )
    keep_faces_days: int = Field(
        180, ge=1, le=36_500, description="days that the memory keeps all other faces"
    )
    drain_s: float = Field(25, gt=0, le=3600, description="seconds that a stop may take")
    http: Address = Field(("127.0.0.1", 8080), description="the address of health and metrics")
    page: Address = Field(("127.0.0.1", 8090), description="the address of the page")
    page_users: FilePath | None = Field(None, description="the password file of the page")
    page_header: HeaderName | None = Field(
        None, description="the header in which a proxy names who has logged in"
    )
    page_proxies: Addresses = Field(
        ("127.0.0.1", "::1"), description="the addresses of proxies that may set that header"
    )
    page_names: HostNames = Field((), description="the host names by which the page may be called")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Drop empty variables, as in a template; an empty HTTP turns it off."""
        return {name: value for name, value in values.items() if value != "" or name == "http"}

    @classmethod
    def load(cls, *fields: str) -> Self:
        """Read the environment; `fields` limit it to these, the others have their defaults.

        Raises ConfigurationError, which names every wrong value, and the missing ones beside them.
        """
        unread = cls.model_fields.keys() - fields if fields else set()
        settings, wrong = cls._read(unread)
        if wrong:
            missing = _missing(settings, {one.field for one in wrong})
            _refuse([*wrong, *(one for one in missing if one.field not in unread)])
        return settings

    @classmethod
    def usable(cls) -> tuple[Self, list[Problem]]:
        """Read what can be used, with the defaults for the rest, and list every problem."""
        settings, wrong = cls._read()
        return settings, [*wrong, *settings.problems({one.field for one in wrong})]

    @classmethod
    def _read(cls, unread: Iterable[str] = ()) -> tuple[Self, list[Problem]]:
        """Read the environment; fields that are unread or wrong have their defaults."""
        defaults = {field: cls.model_fields[field].default for field in unread}
        try:
            return cls(**defaults), []
        except ValidationError as error:
            wrong = list(_wrong_values(error))
            settings, _ = cls._read([*defaults, *(one.field for one in wrong)])
            return settings, wrong

    def problems(self, wrong: Collection[str] = ()) -> list[Problem]:
        """List what keeps a bridge from working; fields that are `wrong` are not missing."""
        return [*_missing(self, wrong), *_equal(self), *_forgetting(self), *_unusable_folder(self)]

    def check_bridge(self) -> None:
        """Raise ConfigurationError with every problem, if there is any."""
        _refuse(self.problems())

    def need(self, field: str) -> str:
        """Return a value that the caller cannot work without; raises ConfigurationError."""
        self.require(field)
        return str(getattr(self, field))

    def require(self, *fields: str) -> None:
        """Raise ConfigurationError, which names all of these fields that are missing."""
        _refuse([_lack(field) for field in fields if getattr(self, field) is None])


def _wrong_values(error: ValidationError) -> Iterator[Problem]:
    """List what pydantic refuses."""
    for wrong in error.errors(include_url=False):
        # The words of pydantic; ours are remedies as they stand.
        remedy = wrong["msg"].removeprefix("Value error, ").partition(", unable")[0]
        yield Problem(
            variable(str(wrong["loc"][0])),
            f"is {quoted(wrong['input'])}",
            remedy.replace("Input should be", "it should be"),
        )


def _missing(settings: Settings, wrong: Collection[str]) -> list[Problem]:
    """List what the source and the sink need, or might need where they are wrong themselves."""
    needed = {"input_bucket": ""}
    for choice, needs in _NEEDED.items():
        if choice not in wrong:
            needed |= dict.fromkeys(needs[getattr(settings, choice)], "")
            if settings.private_endpoints:
                # Everything stays at home.
                needed.pop("function_name", None)
            continue
        for field in dict.fromkeys(chain.from_iterable(needs.values())):
            values = " or ".join(value for value, fields in needs.items() if field in fields)
            needed[field] = f"{variable(choice)} is {values}"
    return [
        _lack(field, condition)
        for field, condition in needed.items()
        if getattr(settings, field) is None and field not in wrong
    ]


def _lack(field: str, condition: str = "") -> Problem:
    """Describe a missing field; `condition` is when it is needed, if not always."""
    meaning = Settings.model_fields[field].description
    remedy = f"if {condition}, it needs {meaning}" if condition else f"set it to {meaning}"
    return Problem(variable(field), "is not set", remedy)


def _equal(settings: Settings) -> Iterator[Problem]:
    """List settings that must differ: messages or objects would go round for ever."""
    queues = ("input_queue_url", "output_queue_url", "dead_letter_queue_url")
    for one, other in [("input_bucket", "output_bucket"), *combinations(queues, 2)]:
        value = getattr(settings, one)
        if value is not None and value == getattr(settings, other):
            fault = f"is the same as {variable(one)}, {quoted(value)}"
            yield Problem(variable(other), fault, "name two different ones")


def _forgetting(settings: Settings) -> Iterator[Problem]:
    """Refuse to forget results where a listing shows old uploads again and again."""
    if settings.keep_results_days is not None and settings.source == "bucket":
        fault = f"cannot go with {variable('source')}=bucket, which would invoke for all again"
        yield Problem(variable("keep_results_days"), fault, "unset one of the two")


def _unusable_folder(settings: Settings) -> Iterator[Problem]:
    """Look at the results folder; a relative path depends on the folder the bridge starts in."""
    path = settings.results_dir.absolute()
    fault = ""
    # Not Path.is_file, which raises where looking is not allowed.
    if os.path.isfile(path):  # noqa: PTH113
        fault, remedy = "a file", "name a folder"
    elif len(os.fsencode(path)) > _LONGEST_FOLDER:
        fault = "too long a path"
        remedy = f"name a folder whose path has {_LONGEST_FOLDER} bytes or fewer"
    if fault:
        yield Problem(
            variable("results_dir"), f"stands for {quoted(path)}, which is {fault}", remedy
        )


def _refuse(problems: Sequence[Problem]) -> None:
    """Raise ConfigurationError if there is a problem; add misspelt names where one is missing."""
    if any(one.fault == "is not set" for one in problems):
        for name, nearest in unknown_variables(os.environ).items():
            remedy = f"did you mean {nearest}?" if nearest else "remove it"
            problems = [*problems, Problem(name, "is set, but nothing reads it", remedy)]
    if len(problems) == 1:
        raise ConfigurationError(problems[0].detail, hint=problems[0].remedy)
    if problems:
        raise ConfigurationError(
            "the configuration cannot work",
            details=[(one.variable, f"{one.fault}: {one.remedy}") for one in problems],
            hint="docs/configuration.md describes every variable",
        )


def unknown_variables(environ: Mapping[str, str]) -> dict[str, str | None]:
    """Find variables with our prefix that nothing reads, each with the nearest known name."""
    # Without the prefix, which makes all names alike.
    known = sorted(field.upper() for field in (*Settings.model_fields, *_OF_THE_FUNCTION))
    present = (name.removeprefix(PREFIX) for name in sorted(environ) if name.startswith(PREFIX))
    nearest = {name: get_close_matches(name, known, n=1) for name in present if name not in known}
    return {PREFIX + name: PREFIX + near[0] if near else None for name, near in nearest.items()}
