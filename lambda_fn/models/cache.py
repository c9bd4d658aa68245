"""Converted model files, kept because a conversion would slow down every start.

`make setup` and the images run `python -m lambda_fn.prepare`, which writes the files into
`lambda_fn/prepared`. Elsewhere the first use writes them into the user's cache. Each file's name
ends in the SHA-256 of its content: a damaged or foreign file is not used.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePath

from lambda_fn.runtime.log import log

BESIDE = Path(__file__).parents[1] / "prepared"


class Unexpected(ValueError):
    """A conversion whose result differs from the known one."""


def prepared(files: Mapping[str, str], make: Callable[[], list[bytes]]) -> list[Path] | list[bytes]:
    """Return the paths of `files`, a mapping from names such as `encoder-1.onnx` to SHA-256.

    Missing files are made by `make` and kept. Contents are returned instead of paths if they cannot
    be kept, or if they differ from the expected ones, as another release of a library may cause.
    """
    own = _user_folder()
    for folder in filter(None, (BESIDE, own)):
        found = [_find(folder, name, digest) for name, digest in files.items()]
        paths = [path for path in found if path]
        if len(paths) == len(files):
            return paths
    contents = make()
    if own:
        try:
            return keep(own, files, contents)
        except (OSError, Unexpected) as error:
            _warn_once("model.not_kept", own, str(error))
    return contents


def keep(folder: Path, files: Mapping[str, str], contents: Sequence[bytes]) -> list[Path]:
    """Write each file whole, then rename it to its final name.

    Raises OSError, and Unexpected before anything is written.
    """
    made = {
        file_name(name, content): content for name, content in zip(files, contents, strict=True)
    }
    expected = [_named(name, digest) for name, digest in files.items()]
    if list(made) != expected:
        raise Unexpected(
            f"{', '.join(made)} came out, not {', '.join(expected)}: "
            "install what deploy/requirements pins"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder / name, content) for name, content in made.items()]


def file_name(name: str, content: bytes) -> str:
    """Return the name under which `content` is kept as `name`."""
    return _named(name, hashlib.sha256(content).hexdigest())


def _named(name: str, digest: str) -> str:
    plain = PurePath(name)
    return f"{plain.stem}-{digest}{plain.suffix}"


def _user_folder() -> Path | None:
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification says to ignore a relative path.
    if given.is_absolute():
        return given / "hybridsphere"
    try:
        return Path.home() / ".cache" / "hybridsphere"
    except RuntimeError:
        # The user has no home folder, as in a container.
        return None


def _find(folder: Path, name: str, expected: str) -> Path | None:
    for path in sorted(folder.glob(_named(name, "*"))):
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            _warn_once("model.unusable", path, str(error))
            continue
        if digest == expected and path.name == _named(name, expected):
            return path
        _warn_once("model.unusable", path, f"its content has the SHA-256 {digest}, not {expected}")
    return None


def _write(path: Path, content: bytes) -> Path:
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp's mode is for the owner alone; another user reads the image.
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return path


@cache
def _warn_once(event: str, path: Path, error: str) -> None:
    log(event, level="warning", path=str(path), error=error)
