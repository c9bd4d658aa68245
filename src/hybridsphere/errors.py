"""The exceptions that end a command, and the exit codes.

    CannotRun                        2   a file, an option or an answer stands against the command
    ├── ConfigurationError           2   a variable is missing, or has a value that cannot work
    ├── CannotRunNow                 1   the cause may pass: start the command again
    ├── CommandFailed                2   local: a command that was run as a child failed
    ├── UnreadableFile               2   ledger: a file of the results folder cannot be read
    │   ├── LedgerError                  the ledger
    │   └── MemoryFileError              the memory
    └── AwsError                     2   aws: a call failed
        ├── Throttled                    too many calls at once
        ├── Unavailable                  no answer, or a service in trouble
        └── Refused                      the same call would be refused again
            └── ReceiptGone              the receipt handle has expired

Only exceptions that somebody catches have their own class.
"""

from collections.abc import Iterable

FAILED = 1
"""Exit code of a command that ran, and found something that is not well."""

CHECK_NETWORK = "check the network, the proxy, AWS_REGION and AWS_ENDPOINT_URL"
"""The remedy where AWS does not answer."""

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 plus the signal's number, as in a shell."""

READER_LEFT = 141
"""Exit code once nobody reads standard output: 128 plus the number of SIGPIPE."""


class CannotRun(Exception):
    """The work cannot be done as asked.

    `message` is the reason, `details` are names with their faults, `hint` is the remedy. `str`
    joins them in one line, for logs.
    """

    exit_code = 2

    def __init__(
        self, message: str, *, details: Iterable[tuple[str, str]] = (), hint: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
        self.hint = hint

    def __str__(self) -> str:
        details = "; ".join(f"{name} {fault}" for name, fault in self.details)
        return ": ".join(part for part in (self.message, details, self.hint) if part)


class ConfigurationError(CannotRun):
    """Variables that are missing, or that have values which cannot work."""


class CannotRunNow(CannotRun):
    """The work cannot be done at the moment; a supervisor may start the command again."""

    exit_code = FAILED
