"""The variables of the environment: how they are called, and what is wrong with them."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from hybridsphere.messages import without_passwords

PREFIX = "HYBRIDSPHERE_"

_LONGEST_VALUE = 200


def variable(field: str) -> str:
    """The environment variable of a field of Settings."""
    return f"{PREFIX}{field.upper()}"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with the variable of a field, and what to do about it; one line together."""

    field: str
    detail: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.detail}: {self.remedy}"


def complaints(error: ValidationError) -> Iterator[Complaint]:
    """What pydantic has found to be wrong."""
    for wrong in error.errors(include_url=False):
        field = str(wrong["loc"][0])
        value = shown(wrong["input"])
        # pydantic's own words; ours are remedies as they stand.
        remedy = wrong["msg"].removeprefix("Value error, ").partition(", unable")[0]
        remedy = remedy.replace("Input should be", "it should be")
        yield Complaint(field, f"{variable(field)}={value} cannot be used", remedy)


def shown(value: object) -> str:
    """A value in quotation marks, cut to a length, and without the password that a URL may have."""
    text = repr(without_passwords(str(value)))
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
