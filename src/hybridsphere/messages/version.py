"""Which upload of a key is meant, and which of two is newer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Version:
    """One upload of a key: S3's sequencer and the ETag, or the ETag and the event time."""

    etag: str
    sequencer: str | None
    event_time: str

    @property
    def id(self) -> str:
        """The version as one text, the same however a sequencer is padded or spelled.

        Some servers send the same sequencer every time; the ETag keeps their uploads apart.
        """
        if self.sequencer:
            return f"{_canonical(self.sequencer)}-{self.etag}"
        return f"{self.etag}@{self.event_time}"

    @property
    def former_id(self) -> str:
        """The id that older ledgers hold: the sequencer alone, where there is one."""
        return _canonical(self.sequencer) if self.sequencer else self.id

    def newer_than(self, other: "Version") -> bool:
        """Return whether this version was uploaded after the other.

        Sequencers are compared right-padded with zeros, as hexadecimal digits of either case
        (Amazon S3 user guide, "Event message structure"). Without two different ones the event
        times decide, within one millisecond the ETags. Equal on both counts, the version with a
        sequencer is newer. So everyone who compares agrees: of two versions exactly one is newer.

        More than two versions have an order only if all have a sequencer or none has. The clock
        that stamps events and the counter of sequencers may disagree; see `newest_of`.
        """
        if self.id == other.id:
            return False
        if self.sequencer and other.sequencer:
            return _by_sequencer(self) > _by_sequencer(other)
        return _by_time(self) > _by_time(other)


def newest_of(things: Iterable[Thing], version_of: Callable[[Thing], Version]) -> Thing | None:
    """Return the thing of the newest version, in whatever order they come; None for no things.

    The newest with a sequencer and the newest without are found first, then compared. A ledger has
    both kinds after a change between queue and bucket as the source, and together they have no
    order.
    """
    found: dict[bool, tuple[Version, Thing]] = {}
    for thing in things:
        version = version_of(thing)
        kind = bool(version.sequencer)
        if kind not in found or version.newer_than(found[kind][0]):
            found[kind] = version, thing
    if not found:
        return None
    return max(found.values(), key=lambda pair: _by_time(pair[0]))[1]


def _by_sequencer(version: Version) -> tuple[str, str, str]:
    return _canonical(version.sequencer or ""), version.event_time, version.etag


def _by_time(version: Version) -> tuple[str, str, bool]:
    return version.event_time, version.etag, bool(version.sequencer)


def _canonical(sequencer: str) -> str:
    """Drop the zeros that pad a sequencer on the right: a shorter one sorts before a longer."""
    return sequencer.upper().rstrip("0") or "0"
