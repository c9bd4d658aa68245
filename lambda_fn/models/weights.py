"""The models that face_recognition_models ships, found without importing it.

Importing face_recognition loads all four models; the function needs two, and the image ships two.
"""

from importlib.util import find_spec
from pathlib import Path

_PACKAGE = "face_recognition_models"


def landmarks() -> Path:
    """The five points of a face that it is aligned by."""
    return _folder() / "shape_predictor_5_face_landmarks.dat"


def encoder() -> Path:
    """The weights of dlib's face encoder."""
    return _folder() / "dlib_face_recognition_resnet_model_v1.dat"


def _folder() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{_PACKAGE} is not installed: install the extra hybridsphere[function]")
    return Path(spec.submodule_search_locations[0]) / "models"
