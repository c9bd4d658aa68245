"""`hybridsphere`, and `python -m hybridsphere`: the command from its first moment.

Nothing slow is imported here before Ctrl-C is handled.
"""

import gc
import os
import sys

_GARBAGE = 20_000
"""Objects allocated and not freed before the collector looks for cycles: some megabytes."""


def main() -> None:
    """Run the command; Ctrl-C ends it without a traceback even while it is loading."""
    try:
        try:
            # Imports make objects that stay: looking for garbage among them finds none.
            gc.set_threshold(_GARBAGE)
            _use_utf8()
            from hybridsphere.cli.app import main as command  # noqa: PLC0415

            command()
        finally:
            import signal  # noqa: PLC0415

            # Only the interpreter's own end is left, which Ctrl-C may cut short.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    except (KeyboardInterrupt, Exception) as error:
        if not _is_from_ctrl_c(error):
            raise
        from hybridsphere.errors import INTERRUPTED  # noqa: PLC0415

        sys.exit(INTERRUPTED)


def _is_from_ctrl_c(error: BaseException | None) -> bool:
    """Return whether Ctrl-C caused an error: during an import it can cause any."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _use_utf8() -> None:
    """Restart in Python's UTF-8 mode if the locale has another encoding for file names.

    Results have the names of uploads, which may contain any character. Output stays in the locale's
    encoding.
    """
    encoding = sys.getfilesystemencoding()
    if encoding == "utf-8":
        return
    os.environ.setdefault("PYTHONIOENCODING", encoding)
    # With all of Python's options, since they decide where modules are found.
    this = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
    os.execv(sys.executable, this)  # noqa: S606 - no shell


if __name__ == "__main__":
    main()
