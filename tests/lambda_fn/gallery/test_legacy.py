import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybridsphere.recognition.gallery import GalleryError
from lambda_fn.gallery.legacy import import_legacy

ROWS = np.random.default_rng(1).normal(size=(3, 128))
NAMES = ["ada", "ben", "ada"]


def saved(tmp_path: Path, content: Any, protocol: int = 3) -> Path:
    path = tmp_path / "encoding"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4"])
def test_the_legacy_form_is_imported_number_for_number(
    tmp_path: Path, protocol: int, dtype: str
) -> None:
    rows = ROWS.astype(dtype)
    source = saved(tmp_path, {"name": NAMES, "encoding": list(rows)}, protocol)
    gallery = import_legacy(source)
    assert gallery.names == NAMES
    assert np.array_equal(gallery.embeddings, rows.astype(np.float64))


def test_the_name_that_older_numpy_gave_the_function_is_admitted(tmp_path: Path) -> None:
    array = array_program(b"(K\x01K\x80\x85" + F8 + b"\x89" + RAW + b"t")
    buffered = buffer_program(RAW)
    for content in (array, buffered):
        newer = content.replace(b"cnumpy.core.", b"cnumpy._core.")
        assert newer != content
        for form in (content, newer):
            assert import_legacy(saved(tmp_path, form)).names == ["a"]


class Canary:
    """Leaves a file where somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_in_a_pickle_is_refused_before_it_runs(tmp_path: Path, protocol: int) -> None:
    canary = tmp_path / "canary"
    content = {"name": ["ada"], "encoding": [Canary(canary)]}
    with pytest.raises(GalleryError, match=r"posix\.mkdir, and only arrays are admitted"):
        import_legacy(saved(tmp_path, content, protocol))
    assert not canary.exists()
    pickle.loads(pickle.dumps(content, protocol))
    assert canary.exists(), "the canary would have told"


def array_program(state: bytes) -> bytes:
    """A pickle with one array, whose state is what the given opcodes leave on the stack."""
    return (
        b"\x80\x03}(X\x04\0\0\0name]X\x01\0\0\0aaX\x08\0\0\0encoding]"
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R"
        + state
        + b"bau."
    )


def buffer_program(raw: bytes) -> bytes:
    """A pickle with one array as protocol 5 makes it, of what the given opcodes leave."""
    return (
        b"\x80\x05}(X\x04\0\0\0name]X\x01\0\0\0aaX\x08\0\0\0encoding]"
        b"cnumpy.core.numeric\n_frombuffer\n(" + raw + F8 + b"K\x80\x85X\x01\0\0\0CtRau."
    )


def bytes_program(encoding: bytes, then: bytes = b"") -> bytes:
    """A pickle with one array whose bytes are made of a text, as protocols 0 to 2 do."""
    text = b"X" + struct.pack("<I", 1024) + bytes(1024)
    raw = b"c_codecs\nencode\n(" + text + b"V" + encoding + b"\ntR" + then
    return array_program(b"(K\x01K\x80\x85" + F8 + b"\x89" + raw + b"t")


F8 = b"cnumpy\ndtype\nX\x02\0\0\0f8\x89\x88\x87R(K\x03X\x01\0\0\0<NNNK\0K\0K\0tb"
RAW = b"B" + struct.pack("<I", 1024) + bytes(1024)


def test_the_forged_arrays_below_are_wrong_only_where_they_are_meant_to_be(tmp_path: Path) -> None:
    for whole in (
        array_program(b"(K\x01K\x80\x85" + F8 + b"\x89" + RAW + b"t"),
        buffer_program(RAW),
        bytes_program(b"latin1"),
    ):
        assert import_legacy(saved(tmp_path, whole)).names == ["a"]


@pytest.mark.parametrize(
    "program",
    [
        array_program(b"(K\x01J\xff\xff\xff\x7f\x85" + F8 + b"\x89" + RAW + b"t"),
        array_program(b"(K\x01J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86" + F8 + b"\x89" + RAW + b"t"),
        array_program(b"(K\x01K\x80\x85" + F8.replace(b"f8", b"O8") + b"\x89" + RAW + b"t"),
        array_program(b"(K\x01K\x80\x85" + F8.replace(b"f8", b"O8") + b"\x89]t"),
        array_program(b"(K\x01K\x80\x85" + F8 + b"\x89C\x01xt"),
        array_program(b"}"),
        array_program(b"N"),
        buffer_program(b"K\x01"),
        buffer_program(b"J\xff\xff\xff\x7f"),
        buffer_program(b"]"),
        bytes_program(b"utf-8"),
        bytes_program(b"latin1", then=b"}b"),
        b"\x80\x03c_codecs\nencode\n}X\x01\0\0\0aK\x01sb.",
        b"\x80\x03c_codecs\ndecode\n.",
        b"\x80\x03cnumpy\nndarray\n(K\x01tR.",
        b"\x80\x03cnumpy\nndarray\n}X\x05\0\0\0shapeK\x01sb.",
        b"\x80\x03cnumpy\ndtype\n}X\x01\0\0\0aK\x01sb.",
        b"\x80\x04cnumpy\nndarray.tofile\n.",
        b"\x80\x03cbuiltins\neval\nX\x01\0\0\0" + b"1\x85R.",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b".",
        b"\x80\x03" + b"]" * 5 + b"K\x01.",
        b"not a pickle",
        b"",
    ],
)
def test_a_forged_pickle_is_refused(tmp_path: Path, program: bytes) -> None:
    with pytest.raises(GalleryError):
        import_legacy(saved(tmp_path, program))


@pytest.mark.parametrize("content", [b"# a text", b"", pickle.dumps({"name": NAMES})[:-9]])
def test_a_file_without_a_pickle_is_refused_in_plain_words(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(GalleryError) as refused:
        import_legacy(saved(tmp_path, content))
    assert str(refused.value) == (
        f"{tmp_path}/encoding: not a legacy encoding file: no pickle, or a damaged one"
    )


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"name": NAMES},
        {"name": NAMES, "encoding": list(ROWS), "more": 1},
        {"name": tuple(NAMES), "encoding": list(ROWS)},
        {"name": NAMES, "encoding": list(ROWS[:2])},
        {"name": ["ada", "ben", 3], "encoding": list(ROWS)},
        {"name": NAMES, "encoding": [[0.1] * 128] * 3},
        {"name": NAMES, "encoding": list(ROWS[:, :64])},
        {"name": NAMES, "encoding": [ROWS[0], ROWS[1], ROWS[2, :64]]},
        {"name": NAMES, "encoding": list(ROWS * np.nan)},
        {"name": NAMES, "encoding": list(ROWS.astype(int))},
    ],
)
def test_a_pickle_of_something_else_is_refused_with_the_file_named(
    tmp_path: Path, content: Any
) -> None:
    with pytest.raises(GalleryError, match=r"/encoding: ."):
        import_legacy(saved(tmp_path, content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="nowhere: No such file"):
        import_legacy(tmp_path / "nowhere")
