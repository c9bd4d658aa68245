"""Student records in DynamoDB."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hybridsphere.messages import spellings
from lambda_fn.runtime.log import log

MISSING = "(missing)"
"""The text of a field that a record lacks, so that a result shows the fault."""

_FIELDS = ("major", "year")

# Characters of an attribute of another type that are logged.
_EXCERPT = 80


@dataclass(frozen=True, slots=True)
class StudentRecord:
    """A student's record; a field that the table lacks is MISSING."""

    name: str
    major: str
    year: str


class Students(Protocol):
    """The records of the students."""

    def get(self, name: str) -> StudentRecord | None:
        """Find a student's record; None if there is no such student."""


class StudentTable:
    """The students' table; its key is `name`."""

    def __init__(self, table: str, dynamodb: Any) -> None:
        self._table = table
        self._dynamodb = dynamodb

    def get(self, name: str) -> StudentRecord | None:
        """Read a student's record by key; None if the table has no such student.

        A record without a major or a year, or with neither text nor number there, is logged.
        """
        for spelling in spellings(name):
            key = {"name": {"S": spelling}}
            answer = self._dynamodb.get_item(TableName=self._table, Key=key)
            if record := answer.get("Item"):
                return self._student(name, record)
        return None

    def _student(self, name: str, record: Mapping[str, Any]) -> StudentRecord:
        fields = {field: _text(record.get(field)) for field in _FIELDS}
        if missing := [field for field, text in fields.items() if text is None]:
            found = {field: record.get(field) for field in missing}
            log(
                "student.incomplete",
                level="warning",
                table=self._table,
                name=name,
                missing=missing,
                found={field: ascii(value)[:_EXCERPT] for field, value in found.items() if value},
            )
        return StudentRecord(name, **{field: text or MISSING for field, text in fields.items()})


def _text(attribute: Mapping[str, Any] | None) -> str | None:
    """Return a text or number attribute as text; None for any other, and for blank text."""
    text = (
        next((attribute[kind] for kind in ("S", "N") if kind in attribute), "") if attribute else ""
    )
    return text.strip() or None
