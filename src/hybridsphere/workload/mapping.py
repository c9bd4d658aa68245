"""The mapping: the expected answer of each video."""

import csv
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from hybridsphere.errors import CannotRun

Expectations = Mapping[str, Mapping[str, str]]
"""The expected values by the CSV's column, for a key or the file name at its end."""


def read_mapping(file: Path) -> dict[str, dict[str, str]]:
    """Read a mapping file, with a line a video: `test_0.mp4:physics,junior`."""
    mapping: dict[str, dict[str, str]] = {}
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRun(f"{file} cannot be read as a mapping: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, _, answer = line.strip().rpartition(":")
        fields = [field.strip() for field in answer.split(",")]
        if not name or len(fields) != 2 or not all(fields):
            raise CannotRun(
                f"{file}:{number}: {line!r}", hint="write a line as test_0.mp4:physics,junior"
            )
        expected = dict(zip(("major", "year"), fields, strict=True))
        if mapping.setdefault(name, expected) != expected:
            raise CannotRun(
                f"{file}:{number}: {name!r} has another answer further up",
                hint="keep one of the two lines",
            )
    return mapping


def expected_of(key: str, expectations: Expectations) -> Mapping[str, str] | None:
    """Look up a key, else the file name at its end."""
    return expectations.get(key) or expectations.get(PurePosixPath(key).name)


def disagreement(csv_text: str, expected: Mapping[str, str]) -> str | None:
    """Describe how a CSV differs from what was expected: `year freshman expected, freshmen found`.

    Return None if one of its rows is as expected; else the first row is described.
    """
    rows = list(csv.DictReader(csv_text.splitlines()))
    if any(_departures(row, expected) == [] for row in rows):
        return None
    return "; ".join(_departures(rows[0] if rows else {}, expected))


def _departures(row: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    return [
        f"{column} {value or 'nothing'} expected, {row.get(column) or 'nothing'} found"
        for column, value in expected.items()
        if (row.get(column) or "") != value
    ]
