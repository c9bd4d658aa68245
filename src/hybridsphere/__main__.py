"""`hybridsphere`, and `python -m hybridsphere`: the command from its very first moment.

Nothing that takes time is loaded here before Ctrl-C is seen to.
"""

import os
import sys

from hybridsphere.errors import INTERRUPTED


def main() -> None:
    """Run the command; Ctrl-C ends it without a traceback even while it is still being loaded."""
    try:
        _use_utf8()
        from hybridsphere.cli import main as command  # noqa: PLC0415

        command()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        import signal  # noqa: PLC0415

        # What is left is the interpreter's own end, which Ctrl-C may cut short.
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _use_utf8() -> None:
    """Start anew in Python's UTF-8 mode where the locale has another encoding for file names.

    Results lie under the names of uploads, which may hold any character. What is printed stays in
    the locale's encoding.
    """
    encoding = sys.getfilesystemencoding()
    if encoding == "utf-8":
        return
    os.environ.setdefault("PYTHONIOENCODING", encoding)
    # As it was called: by its module's name it would be looked for in the working directory first.
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
