"""Which upload of a key is meant, and which of two is the newer."""

from dataclasses import dataclass


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
        decide, and within one millisecond the ETags, so that all who compare agree.

        Among more than two this is an order only where all have a sequencer or none has: the clock
        that stamps events and the one that counts need not agree. See `ledger.newest`.
        """
        if self.sequencer and other.sequencer:
            return _canonical(self.sequencer) > _canonical(other.sequencer)
        return (self.event_time, self.etag) > (other.event_time, other.etag)


def _canonical(sequencer: str) -> str:
    """A sequencer without the zeros that pad it on the right: shorter ones sort before longer."""
    return sequencer.upper().rstrip("0") or "0"
