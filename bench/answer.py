"""The answer of a way to a video, before any student is looked up."""

from typing import NamedTuple


class Answer(NamedTuple):
    """`status` is `known`, `unknown_face`, `no_face` or `unreadable`; `name` is of who is known."""

    status: str
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.status}, {self.name}" if self.name else self.status
