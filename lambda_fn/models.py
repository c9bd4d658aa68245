"""face_recognition's models, without the one that is 100 of their 129 MB.

face_recognition loads all four as soon as it is imported. The 68-point model is for landmarks
alone, which nobody asks for here: loading it takes a third of the import's time and 70 MB, so the
function does without, and its image has no such file.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

_PACKAGE = "face_recognition_models"


def take_the_place_of_their_package() -> None:
    """From here on `import face_recognition` finds its models through this module."""
    sys.modules[_PACKAGE] = sys.modules[__name__]


def pose_predictor_model_location() -> str:
    # face_recognition has to load something: the five-point model, a tenth of the size.
    return pose_predictor_five_point_model_location()


def pose_predictor_five_point_model_location() -> str:
    return _location("shape_predictor_5_face_landmarks.dat")


def face_recognition_model_location() -> str:
    return _location("dlib_face_recognition_resnet_model_v1.dat")


def cnn_face_detector_model_location() -> str:
    return _location("mmod_human_face_detector.dat")


def _folder() -> Path:
    # Found without the import, which would need the pkg_resources that setuptools has given up.
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{_PACKAGE} is not installed: install the extra hybridsphere[function]")
    return Path(spec.submodule_search_locations[0]) / "models"


_FOLDER = _folder()


def _location(name: str) -> str:
    return str(_FOLDER / name)
