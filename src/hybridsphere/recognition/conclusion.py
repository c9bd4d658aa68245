"""The conclusions from the faces of a video: who was there, and who of them is the likeliest.

The function draws them from the faces as it sees them, and the VM from the looks that were kept.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from hybridsphere.recognition.identity import Identity, Sighting


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A known person in a video, by the face that speaks most for them.

    - `person`: the frame of that face that shows them best.
    - `runner_up`: the next likeliest person for that face.
    - `certainty`: `sure`, `likely` or `doubtful`.
    - `support`: the sum of the weights of all their faces.
    - `identity`: that face.
    """

    person: Sighting
    runner_up: Sighting | None
    certainty: str
    support: float
    identity: Identity

    @property
    def name(self) -> str:
        return self.person.name

    @property
    def distance(self) -> float:
        return self.person.distance

    @property
    def at_s(self) -> float:
        return self.person.at_s


def conclusions(identities: Iterable[Identity]) -> list[Conclusion]:
    """Return the known people among some faces, in the order of their names."""
    faces: defaultdict[str, list[tuple[Identity, Sighting]]] = defaultdict(list)
    for identity in identities:
        person = identity.person()
        if person is not None:
            faces[person.name].append((identity, person))
    return [_of_one(faces[name]) for name in sorted(faces)]


def likeliest(identities: Iterable[Identity]) -> Conclusion | None:
    """Return the one person of a video: the sure one, else the one with the most support.

    The order of the faces does not matter.
    """
    found = conclusions(identities)
    sure = [one for one in found if one.certainty == "sure"]
    if sure:
        return min(sure, key=lambda one: (-one.identity.weight(), one.distance))
    # With equal support, the smaller distance decides.
    return min(found, key=lambda one: (-one.support, one.distance), default=None)


def _of_one(faces: list[tuple[Identity, Sighting]]) -> Conclusion:
    identity, person = max(faces, key=_strength)
    return Conclusion(
        person,
        identity.runner_up(),
        identity.certainty(),
        # Exact, whatever the order.
        math.fsum(face.weight() for face, _ in faces),
        identity,
    )


def _strength(face: tuple[Identity, Sighting]) -> tuple[bool, float, float]:
    identity, person = face
    return identity.sure(), identity.weight(), -person.distance
