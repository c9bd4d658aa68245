"""The records of students, as results have shown them: the VM has no table of students."""

import json
import sqlite3
from collections.abc import Iterable

from hybridsphere.ledger.ledger import Ledger, Upload
from hybridsphere.memory.rows import Record

_RESULTS = 20
"""Newest results of a person that are asked for the record; the older ones say the same."""

_SHOWN = """SELECT bucket, key, version FROM faces JOIN videos ON videos.id = video
WHERE person = ?1 AND name = ?1 ORDER BY at DESC LIMIT ?2"""


def known_records(
    connection: sqlite3.Connection, ledger: Ledger, names: Iterable[str]
) -> dict[str, Record]:
    """Return major and year of those people whose record is known.

    The newest results in which the function recognised a person come first, then the record that
    `keep_record` kept. Reads no table as a whole.
    """
    wanted = sorted(names)
    rows = connection.execute(
        """SELECT name, major, year FROM people
        WHERE status = 'matched' AND name IN (SELECT value FROM json_each(?))""",
        (json.dumps(wanted),),
    )
    records: dict[str, Record] = {name: (major or "", year or "") for name, major, year in rows}
    for name in wanted:
        if record := _shown_record(connection, ledger, name):
            records[name] = record
    return records


def keep_record(connection: sqlite3.Connection, name: str, record: Record) -> None:
    """Keep a record that `known_records` finds in no result, inside a transaction."""
    connection.execute(
        """INSERT INTO people (name, major, year, status) VALUES (?1, ?2, ?3, 'matched')
        ON CONFLICT DO UPDATE SET major = ?2, year = ?3, status = 'matched'""",
        (name, *record),
    )


def _shown_record(connection: sqlite3.Connection, ledger: Ledger, name: str) -> Record | None:
    for place in connection.execute(_SHOWN, (name, _RESULTS)):
        upload = ledger.upload(*place)
        if upload and (record := _record(upload, name)):
            return record
    return None


def _record(upload: Upload, name: str) -> Record | None:
    for person in upload.people:
        major, year = str(person.get("major", "")), str(person.get("year", ""))
        if person.get("name") == name and (major or year):
            return major, year
    return None
