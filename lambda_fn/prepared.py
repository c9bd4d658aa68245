"""Files made of the models once, because making them takes longer than a start should.

`python -m lambda_fn.prepare`, as `make setup` and the images' builds run it, keeps them beside this
module. Elsewhere the first use keeps them in the user's cache. A file's name ends in the SHA-256 of
its content, and what does not agree with its name is not used.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path, PurePath

from lambda_fn.log import log

BESIDE = Path(__file__).parent / "prepared"


def prepared(name: str, make: Callable[[], bytes]) -> Path | bytes:
    """The file that is kept as `name`, such as `encoder-1.onnx`; `make` gives the content of one.

    Where none can be kept, it is that content.
    """
    for folder in _folders():
        if path := _find(folder, name):
            return path
    content = make()
    for folder in _folders()[1:]:
        try:
            return keep(folder, name, content)
        except OSError as error:
            _warn_once(folder, str(error))
    return content


@cache
def _warn_once(folder: Path, error: str) -> None:
    log("model.not_kept", level="warning", folder=str(folder), error=error)


def keep(folder: Path, name: str, content: bytes) -> Path:
    """Writes a file whole, then renames it to what it is found by. Raises OSError."""
    path = folder / _file_name(name, hashlib.sha256(content).hexdigest())
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(dir=folder, prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp lets the owner alone read; an image is read by others.
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink()
        raise
    return path


def _folders() -> list[Path]:
    """Where files are looked for; those after the first are the user's own."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        # The specification of that variable has relative paths ignored.
        own = given if given.is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        # Nobody's home: a container's user need have none.
        return [BESIDE]
    return [BESIDE, own / "hybridsphere"]


def _find(folder: Path, name: str) -> Path | None:
    for path in sorted(folder.glob(_file_name(name, "*"))):
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            continue
        if path.name == _file_name(name, digest):
            return path
        log("model.damaged", level="warning", path=str(path))
    return None


def _file_name(name: str, digest: str) -> str:
    plain = PurePath(name)
    return f"{plain.stem}-{digest}{plain.suffix}"
