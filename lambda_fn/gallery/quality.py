"""The quality of a face in a photograph, for a gallery."""

from collections.abc import Iterator

import numpy as np

from lambda_fn.faces.alignment import aligned
from lambda_fn.faces.detector import Face
from lambda_fn.video.video import Rgb

# Pixels of height below which embeddings of a face say little.
_SMALL = 50

# Mean and spread of an aligned face's grey levels, of 255.
_DARK = 45
_BRIGHT = 215
_FLAT = 22

# Mean square difference of neighbouring grey levels, in units of their spread's square.
_BLURRED = 0.02

# Distance of the nose from the middle of the eyes, across, in distances of the eyes.
_TURNED = 0.35


def concerns_about(face: Face, pixels: Rgb) -> Iterator[str]:
    """Yield what may make a face hard to recognise: size, sharpness, turn and light."""
    if face.box.height < _SMALL:
        yield f"the face is small ({face.box.height} pixels high)"
    left, right, nose = face.points[0], face.points[1], face.points[2]
    across = right - left
    square = float(across @ across) or 1.0
    if abs(float((nose - (left + right) / 2) @ across) / square) > _TURNED:
        yield "the face is turned to the side"
    grey = aligned(pixels, face.points)[24:104, 16:96].mean(axis=2)
    spread = float(grey.std())
    if grey.mean() < _DARK:
        yield "the face is dark"
    elif grey.mean() > _BRIGHT:
        yield "the face is overexposed"
    elif spread < _FLAT:
        yield "the face has little contrast"
    if sharpness(grey) < _BLURRED:
        yield "the face is blurred"


def sharpness(grey: Rgb) -> float:
    """Return how much neighbouring pixels differ, independent of light and contrast."""
    steps = np.diff(grey, axis=0)[:, 1:] ** 2 + np.diff(grey, axis=1)[1:] ** 2
    return float(steps.mean() / max(float(grey.var()), 1.0))
