"""How commands end: with which exit codes, and by which exceptions."""

INTERRUPTED = 130
"""After Ctrl-C: 128 and the number of the signal, as a shell gives it."""

READER_LEFT = 141
"""Where standard output is no longer read: the same for SIGPIPE, which ends other programs."""


class CannotRun(Exception):
    """The work cannot be done as asked; the text says what, why, and what to do about it.

    It ends a command with that line and the exit code.
    """

    exit_code = 2


class ConfigurationError(CannotRun):
    """A configuration that cannot work; its text names the variable, the value and the remedy."""


class CannotRunNow(CannotRun):
    """The same, but it may pass by itself: whoever started the command may start it again."""

    exit_code = 1
