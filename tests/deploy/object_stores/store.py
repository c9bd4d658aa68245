"""A Debian server that speaks S3, started from its packages in a folder of a test."""

import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

# Debian's own Python must not find the packages of this project.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A running server: its endpoint and the keys of its one user."""

    name: str
    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)

    def environment(self) -> dict[str, str]:
        """The variables with which a program uses this server for S3 alone."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }


def need(*commands: str, packages: Sequence[str]) -> None:
    """Skip the test by name where a command is missing, or where it may not run."""
    for command in commands:
        if shutil.which(command, path=ENVIRONMENT["PATH"]) is None:
            pytest.skip(f"{command} is not installed: apt-get install {' '.join(packages)}")
    if os.geteuid() != 0:
        pytest.skip(f"{commands[0]} is started as root")


def new_secret() -> str:
    return secrets.token_hex(16)
