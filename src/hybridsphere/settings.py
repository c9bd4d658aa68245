"""Every environment variable of the bridge and its tools: type, default, problems.

Credentials, region and endpoints come from the standard chain of AWS (`AWS_REGION`, `AWS_PROFILE`,
`AWS_ENDPOINT_URL`, …).
"""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hybridsphere.errors import ConfigurationError
from hybridsphere.messages import without_passwords

PREFIX = "HYBRIDSPHERE_"

# Linux takes paths of 4,096 bytes, and the path of a key's CSV may need 3,500 of them.
_LONGEST_FOLDER = 500

_LONGEST_VALUE = 200

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
    "gallery",
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


def variable(field: str) -> str:
    """Name the environment variable of a field."""
    return f"{PREFIX}{field.upper()}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a variable, and the remedy."""

    variable: str
    fault: str
    remedy: str

    @property
    def field(self) -> str:
        """The field of Settings."""
        return self.variable.removeprefix(PREFIX).lower()

    @property
    def detail(self) -> str:
        """The variable and its fault."""
        return f"{self.variable} {self.fault}"


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


def _current_source(value: object) -> object:
    """Refuse the old name of a source."""
    if value == "none":
        raise ValueError("set it to direct, the new name of this source")
    return value


# SQS would get a password in the URL, and the URL names the queue in logs.
QueueUrl = Annotated[
    str,
    _matching(
        r"https?://[^/\s@]+/\S+",
        "give the queue's URL, as in https://sqs.eu-west-1.amazonaws.com/1234/name",
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
Address = Annotated[tuple[str, int] | None, BeforeValidator(_address)]
Source = Annotated[Literal["queue", "bucket", "direct"], BeforeValidator(_current_source)]
Sink = Literal["queue", "bucket"]


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
    results_dir: Path = Field(Path("results"), description="the folder of the CSVs and the ledger")
    invocation_type: Literal["Event", "RequestResponse"] = Field(
        "Event", description="how the function is invoked"
    )
    max_in_flight: int = Field(100, ge=1, le=10_000, description="messages held at once, a queue")
    max_attempts: int = Field(
        3, ge=1, le=100, description="RequestResponse: function errors before `failed`"
    )
    keep_results_days: int | None = Field(
        None, ge=15, le=36_500, description="days that the ledger keeps a result"
    )
    drain_s: float = Field(25, gt=0, le=3600, description="seconds that a stop may take")
    http: Address = Field(("127.0.0.1", 8080), description="the address of health and metrics")

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
            f"is {_quoted(wrong['input'])}",
            remedy.replace("Input should be", "it should be"),
        )


def _missing(settings: Settings, wrong: Collection[str]) -> list[Problem]:
    """List what the source and the sink need, or might need where they are wrong themselves."""
    needed = {"input_bucket": ""}
    for choice, needs in _NEEDED.items():
        if choice not in wrong:
            needed |= dict.fromkeys(needs[getattr(settings, choice)], "")
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
            fault = f"is the same as {variable(one)}, {_quoted(value)}"
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
            variable("results_dir"), f"stands for {_quoted(path)}, which is {fault}", remedy
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


def _quoted(value: object) -> str:
    """Quote a value, shortened, and without the password that a URL may have."""
    text = repr(without_passwords(str(value)))
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
