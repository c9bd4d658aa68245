"""A check: one line of the report."""

from dataclasses import dataclass
from typing import Any, Literal, Self

from hybridsphere.troubles import Remedy, Symptom, Trouble

State = Literal["ok", "bad", "note"]


@dataclass(frozen=True, slots=True)
class Check:
    """One question about a part: `ok`, `bad` with a remedy, or `note`.

    A note means that the part could not be checked, need not be, or works with a limit.
    """

    part: str
    detail: str
    state: State = "ok"
    remedy: Remedy | None = None

    @classmethod
    def bad(cls, part: str, detail: str, fix: str, symptom: Symptom) -> Self:
        return cls(part, detail, "bad", Remedy(fix, symptom))

    @classmethod
    def note(cls, part: str, detail: str) -> Self:
        return cls(part, detail, "note")

    @classmethod
    def of(cls, trouble: Trouble) -> Self:
        """Turn a trouble that a bridge reports into a check that is bad."""
        return cls(trouble.part, trouble.reason, "bad", trouble.remedy)

    @property
    def is_bad(self) -> bool:
        return self.state == "bad"

    @property
    def fix(self) -> str:
        return self.remedy.fix if self.remedy else ""

    def to_dict(self) -> dict[str, Any]:
        """The check for JSON; `fix` and `see` are None unless it is bad."""
        return {
            "part": self.part,
            "state": self.state,
            "detail": self.detail,
            "fix": self.remedy.fix if self.remedy else None,
            "see": self.remedy.symptom.link if self.remedy else None,
        }
