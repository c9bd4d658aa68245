"""What all commands share: which settings they are given, and how they end."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, NoReturn

import click

from hybridsphere.console import flushed, prepare, tell
from hybridsphere.errors import INTERRUPTED, READER_LEFT, CannotRun


class Commands(click.Group):
    """Commands that end with one line and exit code 2 if they cannot do their work."""

    def make_context(self, *place: Any, **extra: Any) -> click.Context:
        prepare()
        # Help and version are printed here already.
        with _quiet_end():
            return super().make_context(*place, **extra)

    def invoke(self, context: click.Context) -> Any:
        with _quiet_end():
            try:
                with flushed():
                    return super().invoke(context)
            except CannotRun as error:
                _fail(error, error.exit_code)
            except ModuleNotFoundError as error:
                _fail(
                    f"{error}: this install has the bridge alone; "
                    "`make setup` in a clone has it all"
                )
            except click.Abort as error:
                # What a question ends in that is answered by no, by nothing, or by Ctrl-C.
                if isinstance(error.__context__, KeyboardInterrupt):
                    raise KeyboardInterrupt from error
                _fail("not confirmed: nothing was done")
            except BrokenPipeError:
                raise
            except OSError as error:
                # The bridge's own exit code 2 stands for its configuration and nothing else.
                if context.invoked_subcommand == "bridge":
                    raise
                _fail(error)


def configured(*fields: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the settings of these names, read from the environment; all without names."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(*values: Any, **options: Any) -> Any:
            from hybridsphere.settings import Settings  # noqa: PLC0415 - loads pydantic

            return command(Settings.load(*fields), *values, **options)

        vars(run)["settings"] = fields
        return run

    return decorate


def _fail(message: object, exit_code: int = CannotRun.exit_code) -> NoReturn:
    tell(f"hybridsphere: {message}")
    sys.exit(exit_code)


@contextmanager
def _quiet_end() -> Iterator[None]:
    """End as other programs do where Ctrl-C is pressed, or nobody reads the output any more."""
    try:
        with flushed():
            yield
    except KeyboardInterrupt:
        # The prompt of the shell begins a line of its own.
        click.echo(err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.exit(READER_LEFT)
