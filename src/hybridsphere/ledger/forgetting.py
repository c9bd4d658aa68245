"""A person's name, taken out of every row of the ledger."""

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import orjson

from hybridsphere.ledger.database import Database
from hybridsphere.messages import csv_text

FORGOTTEN = "forgotten"
"""The word in place of a name that was forgotten."""

_COLUMNS = ("people", "csv", "answer_people", "answer_csv")


class Forgetting(Database):
    """The names of one ledger."""

    def rows_with(self, names: Collection[str]) -> list[int]:
        """List the rows in which one of these names occurs. Reads every row."""
        chosen = [column for column in _COLUMNS if self.schema > 2 or column in {"people", "csv"}]
        tests = " OR ".join(f"instr(coalesce({column}, ''), ?)" for column in chosen for _ in names)
        values = [
            _quoted(name) if column.endswith("people") else name
            for column in chosen
            for name in names
        ]
        query = f"SELECT rowid, {', '.join(chosen)} FROM uploads WHERE {tests}"  # noqa: S608 - ours
        found = self._connection.execute(query, values)
        return [row for row, *texts in found if _without(texts, names) != texts]

    def forget(self, rows: Sequence[int], names: Collection[str]) -> Iterator[tuple[str, str]]:
        """Take names out of rows, inside a transaction; yields bucket and key of each.

        The row and its status stay; name, major and year go.
        """
        self._connection.execute("PRAGMA secure_delete = ON")
        self._connection.executemany(
            "DELETE FROM students WHERE name = ?", [(name,) for name in names]
        )
        for row in rows:
            query = f"SELECT bucket, key, {', '.join(_COLUMNS)} FROM uploads WHERE rowid = ?"  # noqa: S608 - ours
            found = self._connection.execute(query, (row,)).fetchone()
            if found is None:
                continue
            bucket, key, *texts = found
            self._connection.execute(
                """UPDATE uploads SET people = ?, csv = ?, answer_people = ?, answer_csv = ?
                WHERE rowid = ?""",
                (*_without(texts, names), row),
            )
            yield bucket, key

    def csvs_of(self, rows: Sequence[int]) -> Iterator[bytes]:
        """Go through the CSVs of rows, the functions' own and those that people get."""
        for row in rows:
            query = "SELECT csv, answer_csv FROM uploads WHERE rowid = ?"
            for texts in self._connection.execute(query, (row,)):
                yield from (text.encode() for text in texts if text is not None)

    def keys_with(self, name: str) -> int:
        """Count the uploads whose key has a name in it."""
        query = "SELECT count(*) FROM uploads WHERE instr(key, ?)"
        return int(self._connection.execute(query, (name,)).fetchone()[0])


def csv_without(text: str, names: Collection[str]) -> str:
    """Return a CSV in which the rows of a person have no name, major and year."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or not any(row and row[0] in names for row in rows[1:]):
        return text
    columns, others = rows[0], rows[1:]
    return csv_text(
        [[FORGOTTEN, *_rest(columns, row)] if row and row[0] in names else row for row in others],
        columns,
    )


def people_without(
    people: Sequence[Mapping[str, Any]], names: Collection[str]
) -> list[dict[str, Any]]:
    """Return people without a person's name, as themselves and as the runner-up of others."""
    return [_person_without(person, names) for person in people]


def _rest(columns: Sequence[str], row: Sequence[str]) -> list[str]:
    """Return the cells after the name, without major and year."""
    pairs = zip(columns[1:], row[1:], strict=False)
    return ["" if column in {"major", "year"} else cell for column, cell in pairs]


def _person_without(person: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    changed = dict(person)
    if changed.get("name") in names:
        changed |= {"name": FORGOTTEN, "major": "", "year": ""}
    if changed.get("runner_up") in names:
        del changed["runner_up"]
        changed.pop("runner_up_distance", None)
    return changed


def _without(texts: Sequence[str | None], names: Collection[str]) -> list[str | None]:
    """Return columns of a row, people and CSV by turns, without names."""
    changed: list[str | None] = []
    for at, text in enumerate(texts):
        if text is None:
            changed.append(None)
        elif at % 2:
            changed.append(csv_without(text, names))
        else:
            people = orjson.loads(text)
            without = people_without(people, names)
            changed.append(text if without == people else orjson.dumps(without).decode())
    return changed


def _quoted(name: str) -> str:
    return f":{orjson.dumps(name).decode()}"
