"""The gallery as the page shows it: read again once it has changed."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from hybridsphere.commands.gallery_reader import read_whole_gallery
from hybridsphere.errors import CannotRun
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.lookalikes import Pair, nearest_of_each

RENEWED_S = 30.0
"""Age at which an object of S3 is read again; a file is as soon as it has changed."""

MOST_COMPARED = 2000
"""Photographs up to which each person's look-alike is found."""


@dataclass(frozen=True, slots=True)
class Known:
    """Everybody who is enrolled; `like` is the nearest other person of each.

    `place` is empty where no gallery is named, `fault` says why it cannot be read.
    """

    place: str = ""
    fault: str = ""
    gallery: Gallery = field(default_factory=Gallery.empty)
    counts: Mapping[str, int] = field(default_factory=dict)
    like: Mapping[str, Pair] = field(default_factory=dict)

    def until(self, name: str) -> date | None:
        """Give the last day of a person's consent."""
        return self.gallery.consents.get(name)


class KnownPeople:
    """Reads the gallery; for use by several threads."""

    def __init__(self, place: str | None) -> None:
        self._place = place or ""
        self._lock = threading.Lock()
        self._mark: object = None
        self._known = Known(self._place)

    def current(self) -> Known:
        """Return the gallery as it stands; the last good one with a fault if it cannot be read."""
        if not self._place:
            return self._known
        with self._lock:
            mark = self._now()
            if mark != self._mark:
                self._known = self._read()
                self._mark = mark
            return self._known

    def renew(self) -> None:
        """Have the gallery read again: this page has changed it."""
        with self._lock:
            self._mark = None

    def _now(self) -> object:
        if self._place.startswith("s3://"):
            return time.monotonic() // RENEWED_S
        try:
            found = Path(self._place).stat()
        except OSError:
            return "missing"
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self) -> Known:
        try:
            if not self._place.startswith("s3://") and not Path(self._place).exists():
                # The first enrollment makes it.
                return Known(self._place)
            gallery = read_whole_gallery(self._place)
        except (CannotRun, OSError) as error:
            old = self._known
            return Known(self._place, str(error), old.gallery, old.counts, old.like)
        if gallery.digest == self._known.gallery.digest:
            like = self._known.like
        else:
            like = nearest_of_each(gallery) if len(gallery) <= MOST_COMPARED else {}
        return Known(self._place, "", gallery, Counter(gallery.names), like)
