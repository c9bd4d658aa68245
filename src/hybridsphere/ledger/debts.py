"""Debts: faces that the function left in the output bucket, and the memory still lacks."""

from dataclasses import dataclass

from hybridsphere.ledger.database import Database
from hybridsphere.messages import Result


@dataclass(frozen=True, slots=True)
class Debt:
    """The faces of one version of one upload.

    - `output_bucket`, `faces_key`: the object; without a key the answer is derived again alone.
    - `attempt`: the attempt whose result named it.
    - `since`: when the result was stored; `tries`: failed attempts to fetch the object.
    """

    bucket: str
    key: str
    version: str
    output_bucket: str | None
    faces_key: str | None
    attempt: int
    since: str
    tries: int


class Debts(Database):
    """The debts of a ledger."""

    def owe(self, result: Result, version: str, at: str) -> None:
        """Note that a result's faces are due; a later attempt replaces an earlier one."""
        self._connection.execute(
            "INSERT OR REPLACE INTO faces_due VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?7)",
            (
                *(result.bucket, result.key, version),
                *(result.output_bucket, result.faces_key, result.attempt, at),
            ),
        )

    def due(self, now: str, most: int) -> list[Debt]:
        """List debts whose time has come, the longest due first."""
        found = self._connection.execute(
            """SELECT bucket, key, version, output_bucket, faces_key, attempt, since, tries
            FROM faces_due WHERE next_at <= ? ORDER BY next_at LIMIT ?""",
            (now, most),
        )
        return [Debt(*row) for row in found]

    def next_due(self) -> str | None:
        """Find when the next debt is to be paid; None without debts."""
        row = self._connection.execute("SELECT min(next_at) FROM faces_due").fetchone()
        return None if row[0] is None else str(row[0])

    def count_due(self) -> int:
        """Count the debts."""
        if not self._has_table("faces_due"):
            return 0
        return int(self._connection.execute("SELECT count(*) FROM faces_due").fetchone()[0])

    def pay(self, debt: Debt, note: str | None = None) -> None:
        """End a debt; `note` is the reason why the faces are not kept.

        A debt that a later attempt has replaced meanwhile stays.
        """
        name = (debt.bucket, debt.key, debt.version)
        ended = self._connection.execute(
            """DELETE FROM faces_due
            WHERE bucket = ? AND key = ? AND version = ? AND attempt = ? AND since = ?""",
            (*name, debt.attempt, debt.since),
        )
        if ended.rowcount and debt.faces_key:
            self._connection.execute(
                "UPDATE uploads SET faces_note = ? WHERE bucket = ? AND key = ? AND version = ?",
                (note, *name),
            )

    def postpone(self, debt: Debt, until: str) -> None:
        """Count a failed try, and set the time of the next.

        A debt that a later attempt has replaced meanwhile stays as it is.
        """
        self._connection.execute(
            """UPDATE faces_due SET tries = tries + 1, next_at = ?
            WHERE bucket = ? AND key = ? AND version = ? AND attempt = ? AND since = ?""",
            (until, debt.bucket, debt.key, debt.version, debt.attempt, debt.since),
        )
