"""Who the recognised people are: student records in DynamoDB."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Student:
    """What the table says of somebody; a field that the record lacks is empty."""

    name: str
    major: str
    year: str


class Students:
    """The table of students, whose key is `name`."""

    def __init__(self, table: str, dynamodb: Any) -> None:
        self._table = table
        self._dynamodb = dynamodb

    def get(self, name: str) -> Student | None:
        """The record of one student, read by key; None where there is none."""
        answer = self._dynamodb.get_item(TableName=self._table, Key={"name": {"S": name}})
        record = answer.get("Item")
        if record is None:
            return None
        return Student(name, _text(record, "major"), _text(record, "year"))


def _text(record: dict[str, dict[str, str]], field: str) -> str:
    """A text or number of a record, as text."""
    value = record.get(field, {})
    return value.get("S") or value.get("N") or ""
