"""A fault of a variable, with its remedy."""

from dataclasses import dataclass

from hybridsphere.messages import without_passwords

PREFIX = "HYBRIDSPHERE_"

_LONGEST_VALUE = 200


def variable(field: str) -> str:
    """Name the environment variable of a field."""
    return f"{PREFIX}{field.upper()}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a variable, and the remedy."""

    variable: str
    fault: str
    remedy: str

    @property
    def field(self) -> str:
        """The field of Settings."""
        return self.variable.removeprefix(PREFIX).lower()

    @property
    def detail(self) -> str:
        """The variable and its fault."""
        return f"{self.variable} {self.fault}"


def quoted(value: object) -> str:
    """Quote a value, shortened, and without the password that a URL may have."""
    text = repr(without_passwords(str(value)))
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
