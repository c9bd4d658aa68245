"""The configuration files of the cloud, from the templates in `conf`."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

TEMPLATES = Path(__file__).with_name("conf")

HOST = "cloud"
"""The name by which Nova and Neutron know the one machine."""

BRIDGE = "br-ex"
"""The interface of the network `public`."""

KEYSTONE = "http://127.0.0.1:5000"

_ACCOUNT = """auth_type = password
auth_url = {keystone}/v3
password = {password}
project_domain_name = Default
project_name = service
user_domain_name = Default"""
"""The account with which one service calls another; the user's name stands beside it."""

_FOLDERS = ("conf", "credential", "fernet", "images", "instances", "lock", "log", "staging")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The files below `folder`; all accounts have one password."""

    folder: Path
    password: str = field(repr=False)

    def prepare(self) -> None:
        """Make the folders."""
        self.folder.mkdir(mode=0o700)
        for name in _FOLDERS:
            (self.folder / name).mkdir(mode=0o700)

    def write(self, name: str, **more: str) -> Path:
        """Write a file from its template; returns its path."""
        path = self.folder / "conf" / name
        template = Template((TEMPLATES / name).read_text(encoding="utf-8"))
        path.touch(mode=0o600)
        path.write_text(template.substitute(self._values() | more), encoding="utf-8")
        return path

    def database(self, name: str) -> str:
        """Return the address of a database."""
        return f"mysql+pymysql://openstack:{self.password}@127.0.0.1/{name}"

    def remove(self) -> None:
        """Remove everything but the logs."""
        for path in self.folder.iterdir():
            if path.name != "log":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _values(self) -> dict[str, str]:
        return {
            "account": _ACCOUNT.format(keystone=KEYSTONE, password=self.password),
            "bridge": BRIDGE,
            "database": self.database(""),
            "folder": str(self.folder),
            "host": HOST,
            "keystone": KEYSTONE,
            "password": self.password,
            "rabbit": f"rabbit://openstack:{self.password}@127.0.0.1:5672/",
        }
