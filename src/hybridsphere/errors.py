"""What ends a command with one line and exit code 2."""


class CannotRun(Exception):
    """The work cannot be done as asked; the text says what, why, and what to do about it."""

    exit_code = 2


class CannotRunNow(CannotRun):
    """The same, but it may pass by itself: whoever started the command may start it again."""

    exit_code = 1
