"""The records of students, as results have shown them: the VM has no table of students."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hybridsphere.ledger.ledger import Ledger
from hybridsphere.memory.rows import Record


def known_records(connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, Record]:
    """Return major and year of those people whose record the memory knows."""
    rows = connection.execute(
        """SELECT name, major, year FROM people
        WHERE status = 'matched' AND name IN (SELECT value FROM json_each(?))""",
        (json.dumps(sorted(names)),),
    )
    return {name: (major or "", year or "") for name, major, year in rows}


def note_people(connection: sqlite3.Connection, people: Sequence[Mapping[str, Any]]) -> None:
    """Keep the records of the people in a result, inside a transaction."""
    connection.executemany(
        """INSERT INTO people (name, major, year, status) VALUES (?1, ?2, ?3, 'matched')
        ON CONFLICT DO UPDATE SET major = ?2, year = ?3, status = 'matched'
        WHERE (major, year, status) IS NOT (?2, ?3, 'matched')""",
        [
            (person["name"], person.get("major", ""), person.get("year", ""))
            for person in people
            if person.get("name") and (person.get("major") or person.get("year"))
        ],
    )


def learn_record(connection: sqlite3.Connection, ledger: Ledger, name: str) -> None:
    """Look the record of a person up in the ledger, unless the memory knows it."""
    if known_records(connection, [name]):
        return
    if record := ledger.last_record(name):
        major, year = record
        note_people(connection, [{"name": name, "major": major, "year": year}])
