"""The environment variables of the bridge and its tools."""

from hybridsphere.settings.problem import PREFIX, Problem, variable
from hybridsphere.settings.settings import Settings, unknown_variables
from hybridsphere.settings.values import Sink, Source

__all__ = [
    "PREFIX",
    "Problem",
    "Settings",
    "Sink",
    "Source",
    "unknown_variables",
    "variable",
]
