"""Every environment variable of the bridge and its tools, typed and documented once.

Credentials, region and endpoints are none of ours: they come from the standard chain of AWS
(`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL`, …).
"""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import chain, combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hybridsphere.errors import ConfigurationError
from hybridsphere.kinds import Address, Bucket, Function, QueueUrl, Table
from hybridsphere.variables import PREFIX, Complaint, complaints, shown, variable

# Linux takes paths of 4,096 bytes, and that of a key's CSV may need 3,500 of them.
_LONGEST_FOLDER = 500

_NEEDED: dict[str, dict[str, tuple[str, ...]]] = {
    "source": {
        "queue": ("function_name", "input_queue_url"),
        "bucket": ("function_name",),
        "direct": (),
    },
    "sink": {"queue": ("output_queue_url",), "bucket": ("output_bucket",)},
}
"""The fields that each way in and each way out cannot do without."""


def _not_retired(source: object) -> object:
    if source == "none":
        raise ValueError("set it to direct, the new name of this source")
    return source


Source = Annotated[Literal["queue", "bucket", "direct"], BeforeValidator(_not_retired)]
Sink = Literal["queue", "bucket"]


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
    source: Source = Field("queue", description="Where uploads show.")
    sink: Sink = Field("queue", description="Where results show.")
    input_bucket: Bucket | None = Field(None, description="The bucket that videos are uploaded to.")
    output_bucket: Bucket | None = Field(None, description="The bucket that CSVs are written to.")
    table: Table | None = Field(None, description="The table of the students.")
    results_dir: Path = Field(Path("results"), description="Folder of the CSVs and the ledger.")
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
    def load(cls, *fields: str) -> Self:
        """Read the environment; raises ConfigurationError, which names every value at fault, and
        what is missing beside of all that the ways in and out need.

        Where fields are named, their variables alone are read: the others are as if not set.
        """
        unread = cls.model_fields.keys() - fields if fields else set()
        settings, wrong = cls._read(unread)
        if wrong:
            missing = settings.lacking({one.field for one in wrong})
            _refuse(wrong, [one for one in missing if one.field not in unread])
        return settings

    @classmethod
    def usable(cls) -> tuple[Self, list[Complaint]]:
        """What the environment says, as far as it can be used, and what is wrong with the rest."""
        return cls._read()

    @classmethod
    def _read(cls, unread: Iterable[str] = ()) -> tuple[Self, list[Complaint]]:
        """The settings with the defaults of what is not read, or at fault."""
        defaults = {field: cls.model_fields[field].default for field in unread}
        try:
            return cls(**defaults), []
        except ValidationError as error:
            wrong = list(complaints(error))
            settings, _ = cls._read([*defaults, *(one.field for one in wrong)])
            return settings, wrong

    def need(self, field: str) -> str:
        """The value of a variable without which the caller cannot work."""
        self.require(field)
        return str(getattr(self, field))

    def require(self, *fields: str) -> None:
        """Raise ConfigurationError if one of these is missing; its line names all that are."""
        _refuse([], self._missing(dict.fromkeys(fields, "")))

    def check_bridge(self) -> None:
        """Raise ConfigurationError if a variable is missing that this source and sink need, if two
        name the same that must differ, or if the results have a file for a folder, or no room below
        its path. Its line tells all of that.
        """
        _refuse([*self._doubled(), *self._no_folder()], self.lacking())

    def bridge_complaints(self, wrong: Collection[str] = ()) -> list[Complaint]:
        """What `check_bridge` would say, one by one; `wrong` are the fields whose values are."""
        return [*self.lacking(wrong), *self._doubled(), *self._no_folder()]

    def lacking(self, wrong: Collection[str] = ()) -> list[Complaint]:
        """What is missing of all that the ways in and out need, or may need where they are wrong.
        What has a wrong value is not missing.
        """
        return [one for one in self._missing(self._needed(wrong)) if one.field not in wrong]

    def _needed(self, unknown: Collection[str] = ()) -> dict[str, str]:
        """The fields that the ways in and out need, each with what it depends on where a way is
        unknown.
        """
        needed = {"input_bucket": ""}
        for way, needs in _NEEDED.items():
            if way not in unknown:
                needed |= dict.fromkeys(needs[getattr(self, way)], "")
                continue
            for field in dict.fromkeys(chain.from_iterable(needs.values())):
                values = " or ".join(value for value, fields in needs.items() if field in fields)
                needed[field] = f" if {variable(way)} is {values}"
        return needed

    def _missing(self, needed: Mapping[str, str]) -> list[Complaint]:
        return [
            _lack(field, when) for field, when in needed.items() if getattr(self, field) is None
        ]

    def _doubled(self) -> list[Complaint]:
        """Two that are one: what goes into the second would come out of the first, for ever."""
        queues = ("input_queue_url", "output_queue_url", "dead_letter_queue_url")
        pairs = [("input_bucket", "output_bucket"), *combinations(queues, 2)]
        return [
            Complaint(
                other,
                f"{variable(one)} and {variable(other)} are both {getattr(self, one)!r}",
                "name two",
            )
            for one, other in pairs
            if getattr(self, one) is not None and getattr(self, one) == getattr(self, other)
        ]

    def _no_folder(self) -> list[Complaint]:
        """Of a path that is not absolute, it depends on where the bridge is started."""
        path = self.results_dir.absolute()
        # Not Path.is_file: what may not be looked at is not known to be one.
        if os.path.isfile(path):  # noqa: PTH113
            return [
                Complaint(
                    "results_dir",
                    f"{variable('results_dir')} stands for {shown(path)}, which is a file",
                    "name a folder",
                )
            ]
        if len(os.fsencode(path)) <= _LONGEST_FOLDER:
            return []
        return [
            Complaint(
                "results_dir",
                f"{variable('results_dir')} stands for {shown(path)}, which is too long a path",
                f"give a folder whose path has {_LONGEST_FOLDER} bytes or fewer",
            )
        ]


def _refuse(wrong: Sequence[Complaint], missing: Sequence[Complaint]) -> None:
    """Raise ConfigurationError, with one line, if there is anything to complain of."""
    sentences = [f"{one.detail}." for one in missing]
    if missing:
        sentences += [f"{name} is set, but unknown." for name in unknown_variables(os.environ)]
    if wrong:
        sentences.insert(0, "; ".join(map(str, wrong)) + ("." if missing else ""))
    if sentences:
        raise ConfigurationError(" ".join(sentences))


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


def _lack(field: str, when: str) -> Complaint:
    """That a field is missing; `when` tells where it is needed, if not always."""
    description = Settings.model_fields[field].description or ""
    needed = f"{description[:1].lower()}{description[1:]}".removesuffix(".")
    detail = f"{variable(field)} is not set. Needed{when}: {needed}"
    return Complaint(field, detail, "set it; docs/configuration.md says how")
