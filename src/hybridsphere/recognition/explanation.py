"""The rule in plain words: each clause that led to an answer about a face, with its numbers."""

import math
from typing import NamedTuple

from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.identity import Identity
from hybridsphere.recognition.rule import Rule, rule_of
from hybridsphere.recognition.space import TOLERANCE


class LookAt(NamedTuple):
    """One look: its second, the nearest person and the next, each None beyond reach."""

    at_s: float
    nearest: str | None
    distance: float | None
    next: str | None
    next_distance: float | None


class Clause(NamedTuple):
    """One clause of the rule: its name, whether it speaks for the person, and the sentence."""

    name: str
    holds: bool
    text: str


def looks_of(identity: Identity) -> list[LookAt]:
    """List the looks with the two nearest people of each."""
    found = []
    for look in identity.kept:
        first, second, *_ = *look.matches, None, None
        found.append(
            LookAt(
                look.at_s,
                first.name if first else None,
                first.distance if first else None,
                second.name if second else None,
                second.distance if second else None,
            )
        )
    return found


def clauses_of(identity: Identity, gallery: Gallery, tolerance: float) -> list[Clause]:
    """List the clauses that were asked, in their order; a clause that fails ends the list."""
    rule = rule_of(gallery.space.engine)
    nearest = identity.nearest()
    if nearest is None:
        reach = f"{rule.reach:.3f}"
        return [Clause("within the tolerance", False, f"nobody is within {reach} of this face")]
    name = nearest.name
    within = _within(identity, name, gallery.limit(name) * tolerance / TOLERANCE, rule)
    if not within.holds:
        return [within]
    lead = _lead(identity, name, rule)
    if identity.person() is None:
        return [within, lead, _too_doubtful(identity, rule)]
    return [within, lead, _certainty(identity, rule)]


def _within(identity: Identity, name: str, limit: float, rule: Rule) -> Clause:
    margin = identity.margin()
    looks = _looks(identity.looks)
    own = "" if math.isclose(limit, TOLERANCE) else f" (the limit for {name})"
    if identity.likely():
        text = f"{name} is within {limit:.3f}{own} by {max(margin, 0):.3f}, on average of {looks}"
    else:
        text = f"{name}, the nearest, is beyond {limit:.3f}{own} by {-margin:.3f}, on average of "
        text += f"{looks}; one look counts {rule.against} against at most"
    return Clause("within the tolerance", identity.likely(), text)


def _lead(identity: Identity, name: str, rule: Rule) -> Clause:
    other, lead = identity.runner_up(), identity.lead()
    if other is None:
        text = f"nobody but {name} is within {rule.reach:.3f}; that counts as {lead:.3f}"
    else:
        text = f"{name} is nearer than {other.name} by {lead:.3f}, on average"
    return Clause("lead over the runner-up", lead >= rule.doubtful_lead, text)


def _too_doubtful(identity: Identity, rule: Rule) -> Clause:
    text = (
        f"not named: the margin {identity.usual_margin():.3f} is below {rule.sure:.3f}, and then "
        f"the lead {identity.lead():.3f} would have to be {rule.doubtful_lead:.3f}"
    )
    return Clause("certainty", False, text)


def _certainty(identity: Identity, rule: Rule) -> Clause:
    certainty = identity.certainty()
    root = math.sqrt(identity.looks)
    weight, lead = identity.weight(), identity.lead() * root
    figures = (
        f"margin × √looks is {weight:.3f} ({_needed(weight, rule.sure)}), "
        f"lead × √looks is {lead:.3f} ({_needed(lead, rule.sure_lead)})"
    )
    if certainty == "doubtful":
        margin = identity.usual_margin()
        figures = (
            f"the margin within {TOLERANCE} is {margin:.3f} ({_needed(margin, rule.sure)}); the "
            f"lead {identity.lead():.3f} reaches {rule.doubtful_lead:.3f}, so the name is given"
        )
    return Clause("certainty", certainty != "doubtful", f"{certainty}: {figures}")


def _needed(value: float, least: float) -> str:
    return f"at least {least:.3f}" if value >= least else f"less than {least:.3f}"


def _looks(number: int) -> str:
    return f"{number} look{'' if number == 1 else 's'}"
