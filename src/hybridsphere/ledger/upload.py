"""The rows of the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

import orjson

from hybridsphere.messages import Version, newest_of


@dataclass(frozen=True, slots=True)
class Upload:
    """A row of the ledger: one version of one upload. Times are UTC, as in `messages.utc_text`.

    `status`, `people` and `csv` are the function's own. `answer_…` is what people get instead,
    where somebody judged or a new decision differs; `effective_…` is what counts. `faces_note` is
    the reason why the faces are not kept.
    """

    bucket: str
    key: str
    version: str
    etag: str
    sequencer: str | None
    event_time: str
    created_at: str
    received_at: str | None
    invoked_at: str | None
    attempts: int
    status: str | None
    reason: str | None
    people: list[dict[str, Any]]
    csv: str | None
    output_bucket: str | None
    output_key: str | None
    started_at: str | None
    finished_at: str | None
    stored_at: str | None
    attempt: int = 1
    faces_key: str | None = None
    faces: int | None = None
    faces_note: str | None = None
    engine: str | None = None
    place: str | None = None
    duration_ms: int | None = None
    billed_ms: int | None = None
    memory_mb: int | None = None
    cold: bool | None = None
    cost_usd: float | None = None
    answer_status: str | None = None
    answer_people: list[dict[str, Any]] | None = None
    answer_csv: str | None = None
    answer_at: str | None = None

    @property
    def effective_status(self) -> str | None:
        """The status that counts."""
        return self.status if self.answer_status is None else self.answer_status

    @property
    def effective_people(self) -> list[dict[str, Any]]:
        """The people who count."""
        return self.people if self.answer_people is None else self.answer_people

    @property
    def effective_csv(self) -> str | None:
        """The CSV that counts, which is the file on disk."""
        return self.csv if self.answer_csv is None else self.answer_csv

    def effective(self) -> Self:
        """Return the upload with the status, people and CSV that count."""
        if self.answer_status is None:
            return self
        return replace(
            self,
            status=self.answer_status,
            people=self.effective_people,
            csv=self.answer_csv,
        )

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> Self:
        """Read a row of `columns`. Raises ValueError if it is damaged."""
        # A row of an older schema is shorter.
        upload = dict(zip(cls.__slots__, row, strict=False))
        upload["people"] = orjson.loads(upload["people"] or "[]")
        if upload.get("answer_people"):
            upload["answer_people"] = orjson.loads(upload["answer_people"])
        if upload.get("cold") is not None:
            upload["cold"] = bool(upload["cold"])
        return cls(**upload)


_FIRST_OF_SCHEMA_3 = Upload.__slots__.index("attempt")


def columns(schema: int) -> str:
    """Return the columns of a row, in order, as a ledger of this schema has them."""
    return ", ".join(Upload.__slots__ if schema >= 3 else Upload.__slots__[:_FIRST_OF_SCHEMA_3])


def newest(uploads: Iterable[Upload]) -> Upload | None:
    """Find the newest version among the rows of one key; None if there are no rows."""
    return newest_of(uploads, version_of)


def version_of(upload: Upload) -> Version:
    """Give the version that a row is about."""
    return Version(upload.etag, upload.sequencer, upload.event_time)
