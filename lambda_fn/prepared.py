"""Files made of the models once, because making them takes longer than a start should.

`python -m lambda_fn.prepare`, as `make setup` and the images' builds run it, keeps them beside this
module. Elsewhere the first use keeps them in the user's cache. A file's name ends in the SHA-256 of
its content, and what does not agree with its name is not used.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path, PurePath

from lambda_fn.log import log

BESIDE = Path(__file__).parent / "prepared"


def prepared(names: Sequence[str], make: Callable[[], list[bytes]]) -> list[Path] | list[bytes]:
    """The files kept as `names`, such as `encoder-1.onnx`, in one folder; `make` gives contents.

    Where they can be kept nowhere, it is these contents.
    """
    own = _user_folder()
    for folder in filter(None, (BESIDE, own)):
        found = [_find(folder, name) for name in names]
        paths = [path for path in found if path]
        if len(paths) == len(names):
            return paths
    contents = make()
    if own:
        try:
            return keep(own, names, contents)
        except OSError as error:
            _warn_once("model.not_kept", own, str(error))
    return contents


def keep(folder: Path, names: Sequence[str], contents: Sequence[bytes]) -> list[Path]:
    """Writes each file whole, then renames it to what it is found by. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _write(folder / file_name(name, content), content)
        for name, content in zip(names, contents, strict=True)
    ]


def file_name(name: str, content: bytes) -> str:
    """What a file is called that is kept as `name` and has this content."""
    return _named(name, hashlib.sha256(content).hexdigest())


def _named(name: str, digest: str) -> str:
    plain = PurePath(name)
    return f"{plain.stem}-{digest}{plain.suffix}"


def _user_folder() -> Path | None:
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The specification of that variable has relative paths ignored.
    if given.is_absolute():
        return given / "hybridsphere"
    try:
        return Path.home() / ".cache" / "hybridsphere"
    except RuntimeError:
        # A user who has no home, as in a container.
        return None


def _find(folder: Path, name: str) -> Path | None:
    for path in sorted(folder.glob(_named(name, "*"))):
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            _warn_once("model.unusable", path, str(error))
            continue
        if path.name == _named(name, digest):
            return path
        _warn_once("model.unusable", path, f"its content has the SHA-256 {digest}")
    return None


def _write(path: Path, content: bytes) -> Path:
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp lets the owner alone read; an image is read by others.
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return path


@cache
def _warn_once(event: str, path: Path, error: str) -> None:
    log(event, level="warning", path=str(path), error=error)
