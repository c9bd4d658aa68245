"""Load student records into the table in which the function looks names up."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hybridsphere.aws.one_shot import client, concerning
from hybridsphere.commands.roster import StudentRecord, read_students
from hybridsphere.errors import CannotRun
from hybridsphere.settings import Settings

RECORDS_PER_WRITE = 25
"""The most records that one BatchWriteItem takes."""

_ATTEMPTS = 10
_LONGEST_PAUSE_S = 5.0
"""Attempts to write records that DynamoDB returns; pauses double from 0.05 s, 21 s in all."""


async def load_students(file: Path, settings: Settings) -> int:
    """Write the students of a file into the table; return how many.

    A student of the same name is replaced. Nothing is written unless the whole file is good.
    Raises CannotRun.
    """
    students = read_students(file)
    table = settings.need("table")
    async with client("dynamodb") as dynamodb:
        for start in range(0, len(students), RECORDS_PER_WRITE):
            await _write(dynamodb, table, students[start : start + RECORDS_PER_WRITE])
    return len(students)


async def _write(dynamodb: Any, table: str, students: Sequence[StudentRecord]) -> None:
    """Write one batch, and again what DynamoDB returns of it, with growing pauses."""
    waiting = {table: [{"PutRequest": {"Item": student.item()}} for student in students]}
    for attempt in range(_ATTEMPTS):
        with concerning(f"table {table}"):
            answer = await dynamodb.batch_write_item(RequestItems=waiting)
        waiting = answer.get("UnprocessedItems")
        if not waiting:
            return
        await asyncio.sleep(min(0.05 * 2**attempt, _LONGEST_PAUSE_S))
    raise CannotRun(
        f"{table}: DynamoDB would not take {len(waiting[table])} of {len(students)} students in "
        f"{_ATTEMPTS} attempts",
        hint="raise the table's capacity and load the file again",
    )
