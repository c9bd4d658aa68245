"""The choice of results: whose, with which status, and one row an upload or a person."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hybridsphere.ledger.ledger import Upload
from hybridsphere.messages import UnusableName, name_form

RowPer = Literal["uploads", "people"]

COLUMNS = (
    "bucket",
    "key",
    "version",
    "status",
    "name",
    "major",
    "year",
    "output_key",
    "received_at",
    "invoked_at",
    "started_at",
    "finished_at",
    "stored_at",
    "reason",
)
"""The columns of a row an upload."""

COST_COLUMNS = ("place", "billed_ms", "cost_usd")
"""The columns that `--costs` adds at the end."""

_RECORD = ("name", "major", "year")
_FIGURES = (
    "distance",
    "runner_up",
    "runner_up_distance",
    "certainty",
    "at_s",
    "first_s",
    "last_s",
    "sightings",
    "spans",
)

_AFTER_RECORD = COLUMNS.index("output_key")
PEOPLE_COLUMNS = (*COLUMNS[:_AFTER_RECORD], *_FIGURES, *COLUMNS[_AFTER_RECORD:])
"""The columns of a row a person."""

Row = Mapping[str, Any]
"""A row by column: texts, numbers, None, and the spans of a person as a list."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows that are wanted, by default all; an upload without people is a row too.

    `machine`: the function's own answers, whatever people said of them.
    """

    rows: RowPer = "uploads"
    person: str | None = None
    statuses: tuple[str, ...] = ()
    machine: bool = False
    costs: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        usual = COLUMNS if self.rows == "uploads" else PEOPLE_COLUMNS
        return (*usual, *COST_COLUMNS) if self.costs else usual

    def of(self, uploads: Iterable[Upload]) -> Iterator[Row]:
        """Go through the wanted rows, as the uploads come."""
        wanted = None if self.person is None else one_form(self.person)
        for stored in uploads:
            upload = stored if self.machine else stored.effective()
            people = upload.people
            if wanted is not None:
                people = [person for person in people if one_form(person["name"]) == wanted]
                if not people:
                    continue
            rows = (
                [_of_upload(upload, self.columns)]
                if self.rows == "uploads"
                else _of_people(upload, people, self.columns)
            )
            yield from (row for row in rows if not self.statuses or row["status"] in self.statuses)


def one_form(name: Any) -> str:
    """Write a name in its one form; a text that cannot be a name stays as it is."""
    try:
        return name_form(str(name))
    except UnusableName:
        return str(name)


def _of_upload(upload: Upload, columns: Sequence[str]) -> Row:
    """Return an upload's row; the people's values are joined by `;`, in the same order."""
    record = {
        column: ";".join(str(person.get(column, "")) for person in upload.people)
        for column in _RECORD
    }
    return _row(upload, columns, record)


def _of_people(
    upload: Upload, people: Iterable[Mapping[str, Any]], columns: Sequence[str]
) -> list[Row]:
    """Return a row a person; in attendance mode each has a status."""
    nobody = dict.fromkeys(_RECORD, "")
    figures = dict.fromkeys(_FIGURES)
    rows = [_row(upload, columns, {**nobody, **figures, **person}) for person in people]
    return rows or [_row(upload, columns, {**nobody, **figures})]


def _row(upload: Upload, columns: Iterable[str], found: Mapping[str, Any]) -> Row:
    # The sequencer as S3 wrote it, to be looked up elsewhere.
    found = {"version": upload.sequencer or upload.version, **found}
    return {
        column: found[column] if column in found else getattr(upload, column) for column in columns
    }
