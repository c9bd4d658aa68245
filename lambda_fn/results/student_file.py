"""Student records in a file: for clouds that have no DynamoDB."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from hybridsphere.messages import name_form
from lambda_fn.results.students import MISSING, StudentRecord
from lambda_fn.runtime.log import log

_FIELDS = ("major", "year")


class StudentFile:
    """A JSON list of students, each with `name`, `major` and `year`; read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, name: str) -> StudentRecord | None:
        """Find a student's record; None if the file has no such student.

        A record without a major or a year is logged. Raises OSError or ValueError for a file that
        cannot be read.
        """
        found = self._path.stat()
        row = _students(self._path, found.st_mtime_ns, found.st_size).get(name_form(name))
        if row is None:
            return None
        texts = {field: str(row.get(field) or "").strip() for field in _FIELDS}
        if missing := [field for field, text in texts.items() if not text]:
            log(
                "student.incomplete",
                level="warning",
                table=str(self._path),
                name=name,
                missing=missing,
                found={},
            )
        return StudentRecord(name, **{field: text or MISSING for field, text in texts.items()})


@lru_cache(maxsize=1)
def _students(path: Path, _mtime_ns: int, _size: int) -> dict[str, dict[str, Any]]:
    """Read a file as it stood at that time."""
    rows = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(rows, list):
        # TypeError would be a fault of the code.
        raise ValueError(f"{path} is no list of students")  # noqa: TRY004
    return {name_form(str(row["name"])): row for row in rows}
