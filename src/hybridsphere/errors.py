"""What ends a command with one line and exit code 2."""


class CannotRun(Exception):
    """The work cannot be done as asked; the text says what, why, and what to do about it."""
