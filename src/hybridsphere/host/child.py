"""Start a command that cannot outlive its parent, not even a parent killed with -9.

    python child.py PARENT_PID COMMAND...

The launcher asks the kernel for SIGKILL upon its parent's death, then becomes the command. The
kernel means the parent's thread: start children from a thread that lives as long as they should.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>."""


def command(argv: list[str]) -> list[str]:
    """Return the command line that runs `argv` for as long as the calling process lives."""
    # Without site-packages (-I -S) the launcher takes some 20 ms. The command gets the environment
    # unchanged.
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *argv]


def main() -> None:
    """Become the command, if the parent still lives."""
    parent, argv = int(sys.argv[1]), sys.argv[2:]
    _ask_to_die_with_parent()
    # The parent may have died before the kernel knew.
    if os.getppid() == parent:
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted


def _ask_to_die_with_parent() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl(PR_SET_PDEATHSIG): {os.strerror(error)}")


if __name__ == "__main__":
    main()
