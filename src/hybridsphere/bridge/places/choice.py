"""The choice between home and Lambda, from figures alone.

An upload goes home while home has room or will have within the longest wait. The wait is foreseen
from the backlog and the rate of home. So uploads go to Lambda before any has waited too long.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Situation:
    """The backlog, and the rate of home.

    - `waiting`: uploads that the bridge holds for home.
    - `behind`: uploads that are still on the input queue.
    - `free`: calls that home can begin now.
    - `rate`: uploads a second that home finishes; 0 while no place is up.
    - `longest_s`: the longest time that an upload may be foreseen to wait.
    - `overdue`: uploads among `waiting` that have waited longer than that.
    """

    waiting: int
    behind: int
    free: int
    rate: float
    longest_s: float
    overdue: int = 0


def foreseen_s(situation: Situation) -> float:
    """Return how long the last of all uploads will wait for home; infinite while none is up."""
    ahead = situation.waiting + situation.behind - situation.free
    if ahead <= 0:
        return 0.0
    return ahead / situation.rate if situation.rate > 0 else math.inf


def overflow(situation: Situation) -> int:
    """Return how many of the uploads that wait cannot begin at home within the longest wait."""
    at_home = situation.free + math.floor(situation.rate * situation.longest_s)
    excess = situation.waiting + situation.behind - at_home
    return min(situation.waiting, max(0, excess, situation.overdue))
