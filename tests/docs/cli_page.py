"""Print docs/cli.md, made from the help of every command: `make docs`."""

import sys
from collections.abc import Iterator

import click

from hybridsphere.cli.app import main

WIDTH = 80

HEAD = """\
# Commands

Made from `--help` by `make docs`. In a clone the command is `.venv/bin/hybridsphere`, on the VM
`sudo hybridsphere`.

| exit code | meaning |
| --- | --- |
| 0 | the command did its work, and all is well |
| 1 | the command ran, and found something that is not well |
| 2 | the command could not run; an `error:` line says why, a `hint:` line what to do |
| 130 | Ctrl-C ended it; `bridge`, `host` and `local` end with 0 then |
| 141 | nobody reads the output any more |
"""


def page() -> str:
    """Return the whole page."""
    sections = (
        f"\n## {path}\n\n```text\n{text}\n```\n" for path, text in helps(main, "hybridsphere")
    )
    return HEAD + "".join(sections)


def helps(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    """List the path and the help of a command and of the commands below it."""
    context = click.Context(command, parent, name, terminal_width=WIDTH, **command.context_settings)
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    yield context.command_path, text
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from helps(command.commands[below], below, context)


if __name__ == "__main__":
    sys.stdout.write(page())
