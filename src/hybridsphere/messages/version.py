"""Which upload of a key is meant, and which of two is the newer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Version:
    """Which upload of a key: S3's sequencer where there is one, else ETag and event time."""

    etag: str
    sequencer: str | None
    event_time: str

    @property
    def id(self) -> str:
        """The same for every way to write a sequencer down."""
        if self.sequencer:
            return _canonical(self.sequencer)
        return f"{self.etag}@{self.event_time}"

    def newer_than(self, other: "Version") -> bool:
        """Whether this version was uploaded after the other.

        Sequencers are compared right-padded with zeros, as hexadecimal digits of either case
        (Amazon S3 user guide, "Event message structure"). Without a pair of them the event times
        decide, within one millisecond the ETags, and where these are the same too the one with a
        sequencer is the newer, so that all who compare agree: of two versions exactly one is.

        Among more than two this is an order only where all have a sequencer or none has: the clock
        that stamps events and the one that counts need not agree. `newest_of` knows what to do.
        """
        if self.sequencer and other.sequencer:
            return _canonical(self.sequencer) > _canonical(other.sequencer)
        return _by_time(self) > _by_time(other)


def newest_of(things: Iterable[Thing], version_of: Callable[[Thing], Version]) -> Thing | None:
    """The one of the newest version, in whichever order they come; None for none.

    Found first among those with a sequencer and among those without, then of these two: both kinds
    together, as a change between queue and monitor leaves them, have no order.
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
    """What orders versions where not all have a sequencer; no two of them are the same in it."""
    return version.event_time, version.etag, bool(version.sequencer)


def _canonical(sequencer: str) -> str:
    """A sequencer without the zeros that pad it on the right: shorter ones sort before longer."""
    return sequencer.upper().rstrip("0") or "0"
