"""The constants of the rule, one set per engine; docs/recognition.md has the figures.

All are distances between embeddings in the gallery's units, where 0.6 is the default tolerance.
None depends on the configured tolerance: a smaller one never adds a name to those of a
larger one.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """The constants of one engine.

    - `reach`: people beyond it are equally unlike a face, for the lead over the next person.
    - `against`: the most that one look counts against a person; a turned head says little.
    - `sure`: the average margin within 0.6 that makes an answer sure.
    - `sure_lead`: the average lead over the next person that makes an answer sure.
    - `doubtful_lead`: the lead that a person needs whose margin is smaller than `sure`.
    - `same_face`: looks at one face lie within it, looks at different faces beyond it.
    - `same_look`: looks that lie within it show a still picture, and count as one.
    """

    reach: float
    against: float
    sure: float
    sure_lead: float
    doubtful_lead: float
    same_face: float
    same_look: float

    def range(self, tolerance: float) -> float:
        """Return the distance beyond which people do not count at all."""
        return max(self.reach, tolerance + self.against)


_RULES = {
    "dlib": Rule(
        reach=0.7,
        against=0.04,
        sure=0.1,
        sure_lead=0.2,
        doubtful_lead=0.05,
        same_face=0.45,
        same_look=0.05,
    ),
    "yunet-sface": Rule(
        reach=0.7,
        against=0.04,
        sure=0.1,
        sure_lead=0.2,
        doubtful_lead=0.05,
        same_face=0.45,
        same_look=0.05,
    ),
}

_OTHER = _RULES["yunet-sface"]


def rule_of(engine: str) -> Rule:
    """Return the rule of an engine, by its name."""
    return _RULES.get(engine, _OTHER)
