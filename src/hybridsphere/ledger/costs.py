"""Sums over the ledger: where videos ran, and what they cost."""

from dataclasses import dataclass

from hybridsphere.ledger.database import Database
from hybridsphere.messages import STATUSES
from hybridsphere.prices import LAMBDA, PER_GB_S_USD, PER_REQUEST_USD


@dataclass(frozen=True, slots=True)
class Spending:
    """What Lambda cost: `priced` videos came to `usd`; of `unpriced` ones no figures are known."""

    usd: float = 0.0
    priced: int = 0
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class PlaceCosts:
    """The results of one place; None for those whose function does not say where it ran.

    - `videos`: results, of which `priced` say how long they ran and with how much memory.
    - `usd`: what they cost.
    - `in_lambda_usd`: what the priced ones cost or would have cost in Lambda.
    """

    place: str | None
    videos: int
    priced: int
    usd: float
    in_lambda_usd: float


_ENDED = f"status IN ({', '.join(repr(status) for status in STATUSES)}) AND stored_at >= ?1"
"""The results since a moment; one search of an index for each status."""


_SCHEMA = 3
"""The first schema with places and costs."""


class Costs(Database):
    """The sums of one ledger."""

    def spending(self, since: str) -> Spending:
        """Sum up what Lambda cost since a moment, uploads without a result included."""
        if self.schema < _SCHEMA:
            return Spending()
        usd, priced, without = self._connection.execute(
            f"""SELECT coalesce(sum(cost_usd), 0), count(cost_usd), count(*) - count(cost_usd)
            FROM uploads WHERE {_ENDED} AND (place = ?2 OR place IS NULL)""",  # noqa: S608 - ours
            (since, LAMBDA),
        ).fetchone()
        # At home an invocation is noted once it has ended.
        (waiting,) = self._connection.execute(
            """SELECT count(*) FROM uploads WHERE status IS NULL
            AND (invoked_at IS NULL) = 0 AND coalesce(invoked_at, created_at) >= ?""",
            (since,),
        ).fetchone()
        return Spending(usd, priced, without + waiting)

    def by_place(self, since: str) -> list[PlaceCosts]:
        """Sum up the results stored since a moment, the most frequent place first."""
        if self.schema < _SCHEMA:
            return []
        found = self._connection.execute(
            f"""SELECT place, count(*), count(billed_ms * memory_mb), coalesce(sum(cost_usd), 0),
            coalesce(sum(billed_ms / 1000.0 * memory_mb / 1024 * ?2 + ?3), 0)
            FROM uploads WHERE {_ENDED}
            GROUP BY place ORDER BY count(*) DESC, place""",  # noqa: S608 - ours
            (since, PER_GB_S_USD["x86_64"], PER_REQUEST_USD),
        )
        return [PlaceCosts(*row) for row in found]
