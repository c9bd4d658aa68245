import sys
from importlib import import_module

import pytest

from lambda_fn.models import weights


def test_the_package_of_the_models_imports_without_setuptools(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "face_recognition_models", raising=False)
    monkeypatch.setitem(sys.modules, "setuptools", None)
    monkeypatch.setitem(sys.modules, "pkg_resources", None)
    package = import_module("face_recognition_models")
    assert package.face_recognition_model_location() == str(weights.encoder())
    assert package.pose_predictor_five_point_model_location() == str(weights.landmarks())
