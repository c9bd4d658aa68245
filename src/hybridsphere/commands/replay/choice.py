"""The choice of uploads that are replayed."""

from collections.abc import Iterator
from dataclasses import dataclass

from hybridsphere.commands.selection import one_form
from hybridsphere.ledger.ledger import Ledger, Upload
from hybridsphere.ledger.newest import current


@dataclass(frozen=True, slots=True)
class Choice:
    """The wanted uploads; without statuses, all with a result.

    `since` is the ledger's text of a time.
    """

    statuses: tuple[str, ...] = ()
    since: str = ""
    person: str | None = None
    key: str = ""

    def of(self, ledger: Ledger) -> Iterator[Upload]:
        """Go through the wanted uploads, the oldest first; replaced versions are left out."""
        uploads = ledger.uploads(since=self.since, statuses=self.statuses)
        return filter(self._takes, current(ledger, uploads))

    def _takes(self, upload: Upload) -> bool:
        if upload.status is None or not upload.key.startswith(self.key):
            return False
        if self.person is None:
            return True
        wanted = one_form(self.person)
        return any(one_form(person["name"]) == wanted for person in upload.effective_people)
