"""`hybridsphere`, and `python -m hybridsphere`: the command from its very first moment.

Nothing that takes time is loaded here before Ctrl-C is seen to.
"""

import gc
import os
import sys

_GARBAGE = 20_000
"""Objects allocated and not freed before the collector looks for cycles: some megabytes."""


def main() -> None:
    """Run the command; Ctrl-C ends it without a traceback even while it is still being loaded."""
    try:
        try:
            # Imports make objects that stay: looking for garbage among them finds none.
            gc.set_threshold(_GARBAGE)
            _use_utf8()
            from hybridsphere.cli.app import main as command  # noqa: PLC0415

            command()
        finally:
            import signal  # noqa: PLC0415

            # What is left is the interpreter's own end, which Ctrl-C may cut short.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    except (KeyboardInterrupt, Exception) as error:
        if not _comes_of_ctrl_c(error):
            raise
        from hybridsphere.errors import INTERRUPTED  # noqa: PLC0415

        sys.exit(INTERRUPTED)


def _comes_of_ctrl_c(error: BaseException | None) -> bool:
    """Whether there is Ctrl-C behind an error: what it meets half loaded may end in any."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _use_utf8() -> None:
    """Start anew in Python's UTF-8 mode where the locale has another encoding for file names.

    Results lie under the names of uploads, which may hold any character. What is printed stays in
    the locale's encoding.
    """
    encoding = sys.getfilesystemencoding()
    if encoding == "utf-8":
        return
    os.environ.setdefault("PYTHONIOENCODING", encoding)
    # As it was started, with all of Python's own options: they say where modules are looked for.
    this = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
    os.execv(sys.executable, this)  # noqa: S606 - no shell


if __name__ == "__main__":
    main()
