"""Upload videos, then check the whole way that they took, line by line."""


class WorkloadError(Exception):
    """An upload or a check that could not be done as asked; the text says what to do."""
