"""The group of all commands: the settings they get, and how they end."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, NoReturn

import click

from hybridsphere.console import complain, flushed, prepare
from hybridsphere.errors import INTERRUPTED, READER_LEFT, CannotRun

SECTIONS = {
    "Try it": ["demo", "local"],
    "Run it": ["bridge", "host", "page", "doctor", "status", "cost", "replay"],
    "Say who is known": ["enroll", "gallery", "students"],
    "Upload, and take the results": ["workload", "results", "sheet"],
    "Look, correct and forget": ["faces", "explain", "decide", "forget"],
}
"""The commands in the order of `--help`."""

_WHOLE_INSTALL = "only the bridge is installed here; `make setup` in a clone installs the rest"


class Commands(click.Group):
    """Commands that end with an error, its details and a hint if they cannot do their work."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by what they are for; those of no section come last."""
        listed = {name for names in SECTIONS.values() for name in names}
        others = [name for name in self.list_commands(ctx) if name not in listed]
        for title, names in {**SECTIONS, "More": others}.items():
            commands = [(name, self.commands[name]) for name in names if name in self.commands]
            rows = [(name, command.get_short_help_str(100)) for name, command in commands]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def make_context(self, *place: Any, **extra: Any) -> click.Context:
        prepare()
        # click prints help and version here.
        with _quiet_end(), _usage_errors():
            return super().make_context(*place, **extra)

    def invoke(self, context: click.Context) -> Any:
        with _quiet_end(), _usage_errors():
            try:
                with flushed():
                    return super().invoke(context)
            except CannotRun as error:
                _fail(error)
            except ModuleNotFoundError as error:
                _fail(CannotRun(str(error), hint=_WHOLE_INSTALL))
            except click.Abort as error:
                # The answer to a question was no, nothing, or Ctrl-C.
                if isinstance(error.__context__, KeyboardInterrupt):
                    raise KeyboardInterrupt from error
                _fail(CannotRun("not confirmed; nothing was done"))
            except BrokenPipeError:
                raise
            except OSError as error:
                # Exit code 2 of a service is for its configuration alone: systemd gives up then.
                if context.invoked_subcommand in {"bridge", "page"}:
                    raise
                _fail(CannotRun(str(error)))


def configured(*fields: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Pass the settings of these names to a command, read from the environment; else all."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(*values: Any, **options: Any) -> Any:
            from hybridsphere.settings import Settings  # noqa: PLC0415 - loads pydantic

            return command(Settings.load(*fields), *values, **options)

        vars(run)["settings"] = fields
        return run

    return decorate


def _fail(error: CannotRun) -> NoReturn:
    complain(error.message, details=error.details, hint=error.hint)
    sys.exit(error.exit_code)


@contextmanager
def _usage_errors() -> Iterator[None]:
    """Print usage errors in the form of every other error."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        # A group without a command prints its help.
        raise
    except click.ClickException as error:
        hint = ""
        if isinstance(error, click.UsageError) and error.ctx:
            kind = "commands" if isinstance(error.ctx.command, click.Group) else "options"
            hint = f"`{error.ctx.command_path} --help` lists its {kind}"
        complain(error.format_message(), hint=hint)
        sys.exit(error.exit_code)


@contextmanager
def _quiet_end() -> Iterator[None]:
    """End as other programs do after Ctrl-C, and once nobody reads the output."""
    try:
        with flushed():
            yield
    except KeyboardInterrupt:
        # The shell's prompt begins on a new line.
        click.echo(err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.exit(READER_LEFT)
