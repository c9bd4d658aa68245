"""Upload videos, then check the whole way that they took, line by line."""

from hybridsphere.errors import CannotRun


class WorkloadError(CannotRun):
    """An upload or a check that could not be done as asked; the text says what to do."""
