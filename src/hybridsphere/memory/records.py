"""The records of students, as results have shown them: the VM has no table of students."""

from hybridsphere.ledger.ledger import Ledger
from hybridsphere.memory.memory import Memory
from hybridsphere.memory.rows import Record


class Records:
    """The records of one run, each looked up once: in the latest results, then in the memory."""

    def __init__(self, memory: Memory, ledger: Ledger) -> None:
        self._memory = memory
        self._ledger = ledger
        self._found: dict[str, Record | None] = {}

    def find(self, name: str) -> Record | None:
        """Return major and year of a student; None if no result has ever matched the name."""
        if name not in self._found:
            self._found[name] = self._ledger.student(name) or self._memory.record(name)
        return self._found[name]
