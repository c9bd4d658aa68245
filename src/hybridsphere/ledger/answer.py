"""An answer that replaces the function's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """The status, people and CSV of one version, as judgements or a new decision have them."""

    status: str
    people: Sequence[dict[str, Any]]
    csv: str
