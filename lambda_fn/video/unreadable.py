"""The error for files that yield no frames."""


class Unreadable(Exception):
    """A file that yields no frames; `reason` is a word of the contract."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"unreadable video: {reason}")
        self.reason = reason
