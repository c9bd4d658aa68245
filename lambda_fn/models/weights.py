"""The model files in the package face_recognition_models, found without importing it.

Importing face_recognition loads all four models. Two of them are used here; the other files may be
missing.
"""

from importlib.util import find_spec
from pathlib import Path

_PACKAGE = "face_recognition_models"


def landmarks() -> Path:
    """Return the path of the predictor of five landmarks, which align a face."""
    return _folder() / "shape_predictor_5_face_landmarks.dat"


def encoder() -> Path:
    """Return the path of the weights of dlib's face encoder."""
    return _folder() / "dlib_face_recognition_resnet_model_v1.dat"


def _folder() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{_PACKAGE} is not installed: install the extra hybridsphere[function]")
    return Path(spec.submodule_search_locations[0]) / "models"
