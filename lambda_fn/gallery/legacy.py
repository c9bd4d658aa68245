"""Galleries in the legacy form: a pickle of `{"name": [...], "encoding": [arrays]}`.

A pickle is a program. This unpickler runs it without numpy: the names that arrays are pickled
with lead to stand-ins, which keep their arguments. The numbers are read from there.
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from hybridsphere.messages import UnusableName, name_form
from hybridsphere.recognition.fields import one_line
from hybridsphere.recognition.gallery import Gallery, GalleryError
from hybridsphere.recognition.space import EMBEDDING_SIZE

_FLOATS = {("f4", "<"): "<f4", ("f4", ">"): ">f4", ("f8", "<"): "<f8", ("f8", ">"): ">f8"}


class LegacyError(ValueError):
    """A file that is not a gallery in the legacy form, or that holds anything else."""


def import_legacy(source: Path, report: Callable[[str], None] = lambda _: None) -> Gallery:
    """Return the gallery in a pickle, of which nothing is run. Raises GalleryError.

    The embeddings are those of face_recognition, and so belong to the engine `dlib`. `report` gets
    a line for each name that cannot be used and is left out.
    """
    try:
        names, rows = load_legacy(source)
        if len(names) == len(rows):
            kept = [at for at, name in enumerate(names) if _usable(name, report)]
            names, rows = [names[at] for at in kept], [rows[at] for at in kept]
        return Gallery(names, np.array(rows) if rows else np.empty((0, EMBEDDING_SIZE)))
    except OSError as error:
        raise GalleryError(f"{source}: {error.strerror}") from error
    except ValueError as error:
        hint = "give the pickle of an older system, or a gallery"
        raise GalleryError(f"{source}: {one_line(error)}", hint=hint) from error


def _usable(name: object, report: Callable[[str], None]) -> bool:
    try:
        # Anything but a text makes the whole file something else, which the gallery reports.
        return not isinstance(name, str) or bool(name_form(name))
    except UnusableName as error:
        report(f"{str(name)[:80]!a}: left out: {error}")
        return False


def load_legacy(source: Path) -> tuple[list[Any], list[npt.NDArray[np.float64]]]:
    """Return a pickle's unchecked names and its embeddings. Raises LegacyError and OSError."""
    with source.open("rb") as file:
        try:
            content = _Unpickler(file).load()
        except LegacyError:
            raise
        # A broken or hostile pickle can provoke any error, in the unpickler or in a stand-in.
        except Exception as error:
            raise LegacyError("not a legacy encoding file: no pickle, or a damaged one") from error
    match content:
        case {"name": list(names), "encoding": list(encodings)} if len(content) == 2:
            return names, [_numbers(encoding, at) for at, encoding in enumerate(encodings)]
    raise LegacyError("not a legacy encoding file: expected the two lists name and encoding")


class _Dtype:
    """A stand-in for numpy.dtype that keeps the code and the byte order."""

    code: object = None
    order: object = None

    def __init__(self, code: object, *_flags: object) -> None:
        self.code = code

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


class _Array:
    """A stand-in for numpy.ndarray that keeps the shape, the dtype and the bytes."""

    state: object = None

    def __init__(self, *_empty_array: object) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state


class _BufferedArray(_Array):
    """A stand-in for protocol 5's array from a buffer."""

    def __init__(self, raw: object, dtype: object, shape: object, *_order: object) -> None:
        super().__init__()
        self.state = (1, shape, dtype, False, raw)


class _Bytes(bytes):
    """A stand-in for the bytes from a text of protocols 0 to 2."""

    def __new__(cls, text: str, encoding: str) -> Self:
        if encoding != "latin1":
            raise LegacyError(f"not a legacy encoding file: it has bytes in {encoding}")
        return super().__new__(cls, text, encoding)

    def __setstate__(self, state: object) -> None:
        raise LegacyError("not a legacy encoding file: it changes bytes")


# The module's name depends on numpy's release. `ndarray` is only an argument of `_reconstruct`, so
# it stays a text, which cannot be called.
_STAND_INS = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _BufferedArray,
    ("numpy._core.numeric", "_frombuffer"): _BufferedArray,
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): "numpy.ndarray",
    ("_codecs", "encode"): _Bytes,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) in _STAND_INS:
            return _STAND_INS[module, name]
        raise LegacyError(
            f"not a legacy encoding file: it names {module}.{name}, and only arrays are admitted"
        )


def _numbers(encoding: object, at: int) -> npt.NDArray[np.float64]:
    match encoding:
        case _Array(state=(_, (int(count),), _Dtype(code=str(code), order=str(order)), _, raw)) if (
            isinstance(raw, bytes | bytearray)
        ):
            dtype = _FLOATS.get((code, order))
            if dtype and len(raw) == count * int(dtype[-1]):
                return np.frombuffer(raw, dtype=dtype).astype(np.float64)
    raise LegacyError(f"encoding {at} is not a plain array of floats")
