"""The places of videos, and their cost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from hybridsphere.commands.lines import print_headline, print_json, print_pairs
from hybridsphere.ledger.costs import PlaceCosts
from hybridsphere.ledger.ledger import Ledger
from hybridsphere.prices import DATED, LAMBDA
from hybridsphere.settings import Settings


@dataclass(frozen=True, slots=True)
class Bill:
    """The results of a period by place; `unknown` are those whose function does not say where."""

    places: Sequence[PlaceCosts]

    @property
    def home(self) -> int:
        return sum(one.videos for one in self.places if one.place not in {None, LAMBDA})

    @property
    def cloud(self) -> int:
        return sum(one.videos for one in self.places if one.place == LAMBDA)

    @property
    def unknown(self) -> int:
        return sum(one.videos for one in self.places if one.place is None)

    @property
    def usd(self) -> float:
        """The cost of Lambda."""
        return sum(one.usd for one in self.places)

    @property
    def all_in_cloud_usd(self) -> float:
        """The cost of all videos with known figures, had they run in Lambda."""
        return sum(one.in_lambda_usd for one in self.places)

    @property
    def sentence(self) -> str:
        parts = [f"at home {self.home:,}", f"in the cloud {self.cloud:,}"]
        if self.unknown:
            parts.append(f"unknown {self.unknown:,}")
        parts += [
            f"{dollars(self.usd)} USD",
            f"had all gone to the cloud {dollars(self.all_in_cloud_usd)}",
        ]
        return ", ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        return {
            "prices_dated": DATED,
            "home": self.home,
            "cloud": self.cloud,
            "unknown": self.unknown,
            "cost_usd": self.usd,
            "all_in_cloud_usd": self.all_in_cloud_usd,
            "places": [
                {
                    "place": one.place,
                    "videos": one.videos,
                    "priced": one.priced,
                    "cost_usd": one.usd,
                    "in_cloud_usd": one.in_lambda_usd,
                }
                for one in self.places
            ],
        }


def dollars(usd: float) -> str:
    """Write an amount with two figures that count, and cents at least."""
    if usd == 0:
        return "0"
    return f"{usd:.{max(2, 1 - math.floor(math.log10(usd)))}f}"


def show_cost(
    settings: Settings, console: Console, *, since: str | None, as_json: bool = False
) -> None:
    """Print the bill of the results stored since a moment. Raises LedgerError."""
    with Ledger.read(settings.results_dir) as ledger:
        bill = Bill(ledger.by_place(since or ""))
    if as_json:
        print_json(console, {"since": since, **bill.to_dict()})
        return
    sentence = bill.sentence
    print_headline(console, "ok", f"{sentence[0].upper()}{sentence[1:]}.")
    print_pairs(
        console,
        f"places {f'since {since}' if since else 'since the beginning'}, by prices of {DATED}",
        [
            (one.place or "not said", f"{one.videos:,}, {dollars(one.usd)} USD")
            for one in bill.places
        ]
        or [("none", "no result is stored yet")],
    )
