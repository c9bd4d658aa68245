"""Counts of how often a file is opened, by inotify(7)."""

import asyncio
import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OPEN, _CLOSE = 0x20, 0x18
_EVENT = struct.Struct("iIII")


class Opens:
    """`count` goes up with every opening."""

    def __init__(self, watch: int) -> None:
        self._watch = watch
        self.count = 0

    def read(self) -> None:
        # Events of a file itself carry no name.
        for _, mask, _, _ in _EVENT.iter_unpack(os.read(self._watch, 4096 * _EVENT.size)):
            self.count += bool(mask & _OPEN)


@contextmanager
def opens_of(path: Path) -> Iterator[Opens]:
    """Count while it lasts; raises OSError where the kernel does not tell."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    # Each with its end: the kernel makes one of events that are alike and follow each other.
    if watch < 0 or libc.inotify_add_watch(watch, os.fsencode(path), _OPEN | _CLOSE) < 0:
        raise OSError(ctypes.get_errno(), "no inotify", str(path))
    opens = Opens(watch)
    loop = asyncio.get_running_loop()
    loop.add_reader(watch, opens.read)
    try:
        yield opens
    finally:
        loop.remove_reader(watch)
        os.close(watch)
