"""Adding a login at a terminal."""

from pathlib import Path

import click

from hybridsphere.console import tell
from hybridsphere.page.passwords import ROLES, add_user
from hybridsphere.settings import Settings


def ask_and_add(settings: Settings, name: str, role: str) -> None:
    """Ask for a password and write the login. Raises CannotRun, OSError."""
    path = Path(settings.need("page_users"))
    password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    add_user(path, name, ROLES[role], password)
    tell(f"{name} may log in as {role}")
