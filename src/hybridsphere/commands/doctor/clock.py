"""The clock of this machine beside that of AWS."""

import time

from hybridsphere.aws import Aws
from hybridsphere.commands.doctor.check import Check
from hybridsphere.troubles import Symptom

MOST_SKEW_S = 60
"""AWS refuses signatures that are five minutes off (Signature Version 4); warn well before."""

ROUGHLY_S = 5
"""Smaller skews may come from a slow answer, whose date has whole seconds."""


class AwsClock:
    """The date of the first answer of AWS to any call, a refusal included.

    The clients make the calls, so proxy and certificates are those of the bridge.
    """

    def __init__(self, aws: Aws) -> None:
        self._skew_s: float | None = None
        aws.on_date(self._hear)

    def check(self) -> Check:
        """Compare the clocks, once all calls have ended."""
        skew_s = self._skew_s
        if skew_s is None:
            return Check.note("clock", "no answer of AWS had a date to compare with")
        if abs(skew_s) < ROUGHLY_S:
            return Check("clock", "agrees with the clock of AWS")
        detail = f"{abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} the clock of AWS"
        if abs(skew_s) <= MOST_SKEW_S:
            return Check("clock", detail)
        return Check.bad("clock", detail, "start an NTP client", Symptom.CLOCK)

    def _hear(self, theirs: float) -> None:
        if self._skew_s is None:
            self._skew_s = time.time() - theirs
