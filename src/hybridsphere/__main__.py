"""`python -m hybridsphere`, the same as `hybridsphere`."""

import signal


def main() -> None:
    """Run the command; Ctrl-C while it is loaded ends the process as if there were no Python."""
    previous = signal.getsignal(signal.SIGINT)
    if previous is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from hybridsphere import cli  # noqa: PLC0415 - what takes its time comes after the above

    signal.signal(signal.SIGINT, previous)
    cli.main()


if __name__ == "__main__":
    main()
