"""Student records in DynamoDB."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StudentRecord:
    """A student's record; a missing field is an empty text."""

    name: str
    major: str
    year: str


class StudentTable:
    """The students' table; its key is `name`."""

    def __init__(self, table: str, dynamodb: Any) -> None:
        self._table = table
        self._dynamodb = dynamodb

    def get(self, name: str) -> StudentRecord | None:
        """Read a student's record by key; None if the table has no such student."""
        answer = self._dynamodb.get_item(TableName=self._table, Key={"name": {"S": name}})
        record = answer.get("Item")
        if record is None:
            return None
        return StudentRecord(name, _text(record, "major"), _text(record, "year"))


def _text(record: dict[str, dict[str, str]], field: str) -> str:
    """Return a text or number attribute as text, empty if it is missing."""
    value = record.get(field, {})
    return value.get("S") or value.get("N") or ""
