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
        return self.sequencer or f"{self.etag}@{self.event_time}"

    def newer_than(self, other: "Version") -> bool:
        """Whether this version was uploaded after the other.

        Sequencers are compared right-padded with zeros, as hexadecimal digits of either case
        (Amazon S3 user guide, "Event message structure"). Without a pair of them the event times
        decide, and within one millisecond the ETags, so that all who compare agree.
        """
        if self.sequencer and other.sequencer:
            width = max(len(self.sequencer), len(other.sequencer))
            mine = self.sequencer.upper().ljust(width, "0")
            return mine > other.sequencer.upper().ljust(width, "0")
        return (self.event_time, self.etag) > (other.event_time, other.etag)
