"""Versions of an upload, and which of two is newer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a key: sequencer and ETag, or ETag and event time without a sequencer."""

    etag: str
    sequencer: str | None
    event_time: str

    @property
    def id(self) -> str:
        """Name the version; every spelling of a sequencer gives the same name."""
        if self.sequencer:
            return f"{_canonical(self.sequencer)}:{self.etag}"
        return f"{self.etag}@{self.event_time}"

    @property
    def first_id(self) -> str:
        """Name the version as ledgers of schema 1 do: by the sequencer alone, if there is one."""
        return _canonical(self.sequencer) if self.sequencer else self.id

    def newer_than(self, other: "Version") -> bool:
        """Compare two uploads of one key; of two different versions exactly one is newer.

        Sequencers are compared right-padded with zeros, as hexadecimal digits of either case
        (Amazon S3 user guide, "Event message structure"). Some servers send the same sequencer
        with every event, so the event times decide between equal ones, then the ETags. Versions of
        which only one has a sequencer are compared by time.

        Three versions are ordered only if all have a sequencer or none has: S3's sequencers and its
        clock need not agree. `newest_of` handles the mixture.
        """
        if self.id == other.id:
            return False
        if self.sequencer and other.sequencer:
            return _by_sequencer(self) > _by_sequencer(other)
        return _by_time(self) > _by_time(other)

    def tied_with(self, other: "Version") -> bool:
        """Tell whether only the ETags decide between two uploads of one key.

        Listings have seconds, and a key may be written twice in one.
        """
        if self.sequencer and other.sequencer:
            return _by_sequencer(self)[:2] == _by_sequencer(other)[:2]
        return self.event_time == other.event_time


def newest_of(things: Iterable[Thing], version_of: Callable[[Thing], Version]) -> Thing | None:
    """Find the thing with the newest version, whatever their order; None if there are no things.

    The newest with a sequencer and the newest without are found first, then compared by time.
    Both kinds occur together after a change between the sources queue and bucket.
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


def _by_time(version: Version) -> tuple[str, str, bool]:
    """Order versions of which not all have a sequencer; never equal for two versions."""
    return version.event_time, version.etag, bool(version.sequencer)


def _by_sequencer(version: Version) -> tuple[bytes, str, str]:
    """Order versions that have a sequencer; the ledger's index orders them alike."""
    digits = (version.sequencer or "").encode().upper().rstrip(b"0")
    return digits, version.event_time, version.etag


def _canonical(sequencer: str) -> str:
    """Spell a sequencer without the zeros that pad it on the right."""
    return sequencer.upper().rstrip("0") or "0"
