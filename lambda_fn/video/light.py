"""Dark pictures, brightened so that faces are found and encoded as in the light."""

from typing import Self

import numpy as np
from PIL import Image

from lambda_fn.video.display import Pixels

# A picture whose brightest hundredth lies below the first level, of 255, is brightened up to the
# second. More light finds no more faces, and makes YuNet see faces in other things. Beyond the last
# factor, noise would be most of the picture.
_DARK = 60
_BRIGHT = 120
_MOST = 16.0

# The light is judged by about this many columns of a picture.
_COLUMNS = 80


class Light:
    """A factor for the levels of a picture; 1 for a picture that is light enough."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    @classmethod
    def of(cls, pixels: Pixels) -> Self:
        """Return the light that a picture needs, `(height, width, 3)`."""
        step = max(1, pixels.shape[1] // _COLUMNS)
        levels = pixels[::step, ::step].max(axis=2)
        # Most pictures are light enough, and a count shows it in less time than the percentile.
        if np.count_nonzero(levels >= _DARK) > 0.01 * levels.size + 1:
            return cls(1.0)
        brightest = float(np.percentile(levels, 99))
        return cls(1.0 if brightest >= _DARK else min(_MOST, _BRIGHT / max(brightest, 1.0)))

    def on(self, pixels: Pixels) -> Pixels:
        """Return a picture in this light."""
        if self.factor == 1:
            return pixels
        levels = [min(255, round(level * self.factor)) for level in range(256)] * 3
        return np.asarray(Image.fromarray(pixels).point(levels), np.uint8)
