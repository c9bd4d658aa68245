"""Starts a command that cannot outlive the process which asked for it, not even when that process
is killed with -9.

    python child.py PARENT_PID COMMAND...

On Linux the kernel sees to it: the launcher asks for SIGKILL upon its parent's death, then becomes
the command. The kernel means the parent's *thread*, so start children from the thread that runs
for as long as they should. Elsewhere the launcher stays, looks after its parent twice a second,
and ends the command by itself; there, end the command by killing its process group.
"""

import ctypes
import os
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>."""

_WATCH_S = 0.5


def command(argv: list[str]) -> list[str]:
    """The command line that runs `argv` for as long as the calling process lives."""
    # Without site-packages (-I -S) the launcher is gone in some 20 ms. The command gets the
    # environment untouched.
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *argv]


def main() -> None:
    parent, argv = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        _ask_to_die_with_parent()
        # The parent may have died before the kernel was told.
        if os.getppid() == parent:
            os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted
    else:
        sys.exit(_run_and_watch(parent, argv))


def _ask_to_die_with_parent() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl(PR_SET_PDEATHSIG): {os.strerror(error)}")


def _run_and_watch(parent: int, argv: list[str]) -> int:
    with subprocess.Popen(argv) as process:
        while True:
            try:
                return process.wait(timeout=_WATCH_S)
            except subprocess.TimeoutExpired:
                if os.getppid() != parent:
                    process.kill()


if __name__ == "__main__":
    main()
