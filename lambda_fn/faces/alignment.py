"""Faces cut out upright and in one size, by their five points."""

import math

import numpy as np
from PIL import Image

from lambda_fn.faces.detector import Points
from lambda_fn.video.video import Rgb

CHIP_SIZE = 112
"""Width and height of an aligned face, in pixels."""

# The points of an aligned face, in pixels: SFace was trained with them.
_TEMPLATE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
_CENTRE = _TEMPLATE.mean(axis=0)
_SPREAD = _TEMPLATE - _CENTRE


def aligned(pixels: Rgb, points: Points) -> Rgb:
    """Return the face at five points of a picture, `(112, 112, 3)`.

    The points decide turn, size and place, by least squares.
    """
    centre = points.mean(axis=0)
    offset = points - centre
    square = (_SPREAD * _SPREAD).sum()
    along = float((_SPREAD * offset).sum() / square)
    across = float((_SPREAD[:, 0] * offset[:, 1] - _SPREAD[:, 1] * offset[:, 0]).sum() / square)
    turn = np.array([[along, -across], [across, along]])
    start = centre - turn @ _CENTRE
    # A large face is shrunk first: the transformation reads only four pixels for each one it makes.
    factor = max(1, int(math.hypot(along, across)))
    image, (left, top) = _surroundings(pixels, turn, start, factor)
    start = (start - [left, top] + 0.5) / factor - turn @ [0.5, 0.5] / factor
    (a, b), (d, e) = (turn / factor).tolist()
    c, f = start.tolist()
    size = (CHIP_SIZE, CHIP_SIZE)
    chip = image.transform(
        size, Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
    )
    return np.asarray(chip)


def _surroundings(
    pixels: Rgb, turn: Points, start: Points, factor: int
) -> tuple[Image.Image, tuple[int, int]]:
    """Return the part of a picture that shows the face, shrunk, and its left and top edge."""
    height, width = pixels.shape[:2]
    edge = CHIP_SIZE
    corners = np.array([[0, 0], [edge, 0], [0, edge], [edge, edge]]) @ turn.T + start
    left, top = np.floor(corners.min(axis=0) - 2 * factor).astype(int).tolist()
    right, bottom = np.ceil(corners.max(axis=0) + 2 * factor).astype(int).tolist()
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    right, bottom = max(min(right, width), left + 1), max(min(bottom, height), top + 1)
    part = Image.fromarray(pixels[top:bottom, left:right])
    return (part.reduce(factor) if factor > 1 else part), (left, top)
