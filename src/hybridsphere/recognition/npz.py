"""Arrays in `.npz` files: read with care, written whole."""

import io
import math
import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

_MOST_BYTES = 128 * 2**20
"""Largest array: 131,072 embeddings. Larger ones are refused by their headers."""


def read_arrays(
    file: IO[bytes], needed: Sequence[str], optional: Sequence[str]
) -> dict[str, npt.NDArray[Any]]:
    """Read arrays by name, after a check of all their headers.

    Raises ValueError for a header that claims too much memory. A broken or hostile archive can
    raise any other error of zipfile, zlib and numpy.
    """
    with zipfile.ZipFile(file) as archive:
        present = set(archive.namelist())
        wanted = [*needed, *(name for name in optional if f"{name}.npy" in present)]
        for name in wanted:
            _check_header(archive, f"{name}.npy")
        return {
            name: np.load(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
            for name in wanted
        }


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays whole, readable by their owner alone, then rename the file to `path`."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink()
        raise


def _check_header(archive: zipfile.ZipFile, member: str) -> None:
    """Refuse an array whose header claims too much memory, or another size than its content's."""
    size = archive.getinfo(member).file_size
    with archive.open(member) as content:
        version = npy.read_magic(content)
        read_header = npy.read_array_header_1_0 if version[0] == 1 else npy.read_array_header_2_0
        shape, _, dtype = read_header(content)
        claimed = math.prod(shape) * dtype.itemsize
        if max(size, claimed) > _MOST_BYTES:
            raise ValueError(
                f"{member} unpacks to {max(size, claimed) >> 20} MB, "
                f"more than the {_MOST_BYTES >> 20} MB of the largest gallery"
            )
        if claimed != size - content.tell():
            raise ValueError(f"{member} has another size than its header says")
