"""`status --watch`: the status again and again, in place on a terminal."""

import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.text import Text

from hybridsphere.commands.lines import print_headline
from hybridsphere.commands.status import show_status
from hybridsphere.errors import CannotRun
from hybridsphere.settings import Settings

BETWEEN_S = 2.0
"""Time between two looks."""


def watch_status(
    settings: Settings, console: Console, *, sleep: Callable[[float], object] = time.sleep
) -> None:
    """Show the status until Ctrl-C; a pipe gets it again whenever it has changed.

    A ledger that cannot be read is shown as its error, and tried again.
    """
    if not console.is_terminal:
        last = ""
        while True:
            found = _text(settings, console)
            if found != last:
                console.print(Text.from_ansi(found), soft_wrap=True)
                last = found
            sleep(BETWEEN_S)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(Text.from_ansi(_text(settings, console)), refresh=True)
            sleep(BETWEEN_S)


def _text(settings: Settings, console: Console) -> str:
    with console.capture() as captured:
        try:
            show_status(settings, console)
        except CannotRun as error:
            print_headline(console, "bad", error.message, error.hint)
    return captured.get()
