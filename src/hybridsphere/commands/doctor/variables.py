"""The variables of the environment."""

from collections.abc import Mapping, Sequence

from hybridsphere.commands.doctor.check import Check
from hybridsphere.settings import Problem, Settings, unknown_variables
from hybridsphere.troubles import Symptom

PART = "variables"


def check_variables(
    settings: Settings, problems: Sequence[Problem], environ: Mapping[str, str]
) -> list[Check]:
    """Return a check for each variable that is wrong, missing or unknown; else a single `ok`."""
    checks = [Check.bad(PART, one.detail, one.remedy, Symptom.VARIABLE) for one in problems]
    for name, nearest in unknown_variables(environ).items():
        meant = f"; {nearest} may be meant" if nearest else ""
        fix = f"correct or remove it{meant}"
        checks.append(Check.bad(PART, f"{name} is unknown", fix, Symptom.VARIABLE))
    needs = f"source {settings.source} and sink {settings.sink}"
    return checks or [Check(PART, f"all are set that {needs} need")]
