"""The rows of the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import orjson

from hybridsphere.messages import Version, newest_of


@dataclass(frozen=True, slots=True)
class Upload:
    """A row of the ledger: one version of one upload. Times are UTC, as in `messages.utc_text`."""

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

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> Self:
        """Read a row of `COLUMNS`. Raises ValueError if it is damaged."""
        upload = dict(zip(cls.__slots__, row, strict=True))
        upload["people"] = orjson.loads(upload["people"] or "[]")
        return cls(**upload)


COLUMNS = ", ".join(Upload.__slots__)
"""The columns of a row, in order."""


def newest(uploads: Iterable[Upload]) -> Upload | None:
    """Find the newest version among the rows of one key; None if there are no rows."""
    return newest_of(uploads, version_of)


def version_of(upload: Upload) -> Version:
    """Give the version that a row is about."""
    return Version(upload.etag, upload.sequencer, upload.event_time)
