"""What tells that a file was opened or an address called, by whatever language's hand."""

import ctypes
import os
import platform
import signal
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)

_IN_ACCESS_OR_OPEN = 0x01 | 0x20
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _SECCOMP_MODE_FILTER = 22, 38, 2
_SOCKET = {"x86_64": 41, "aarch64": 198}


class WatchedFiles:
    """Files that nobody is to open; `opened` says whether somebody did (inotify(7))."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = _checked(LIBC.inotify_init1(os.O_NONBLOCK))
        name = os.fsencode(folder)
        _checked(LIBC.inotify_add_watch(self._descriptor, name, _IN_ACCESS_OR_OPEN))

    def opened(self) -> bool:
        """Whether a file of the folder was opened or read since this was last asked."""
        try:
            return bool(os.read(self._descriptor, 65536))
        except BlockingIOError:
            return False

    def close(self) -> None:
        os.close(self._descriptor)


@contextmanager
def listening(family: socket.AddressFamily, host: str) -> Iterator[tuple[int, list[bytes]]]:
    """A port of this machine, and the first bytes of each call that came to it."""
    calls: list[bytes] = []
    with socket.create_server((host, 0), family=family) as server:

        def answer() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                with caller:
                    caller.settimeout(1)
                    calls.append(caller.recv(1000))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1], calls
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def forbid_sockets() -> bool:
    """From here on this process is killed with SIGSYS when it makes a socket (seccomp(2)).

    False where the kernel or the machine does not know how.
    """
    number = _SOCKET.get(platform.machine())
    if number is None:
        return False
    # Load the call's number; is it that of socket? then kill, else allow.
    steps = ((0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 1 << 31), (0x06, 0, 0, 0x7FFF0000))
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    header = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(program))
    if LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return not LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0)


KILLED_FOR_A_SOCKET = -signal.SIGSYS


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
