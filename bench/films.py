"""Films made for measuring: 720p, 24 frames a second, with people who are hard to find.

The faces and photographs are those of the demo, and the demo's people are known here too.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image

from bench.answer import Answer
from hybridsphere.demo.people import filmed_face, known_people, photograph, stranger

WIDTH, HEIGHT, FPS = 1280, 720, 24

_STRANGER = "a stranger"

FIRST, SECOND, THIRD = known_people()
"""The people whom the demo knows."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A person's face, `height` pixels high, `at` its middle, from a second on to another."""

    face: str
    height: int
    at: tuple[float, float] = (0.5, 0.5)
    from_s: float = 0.0
    until_s: float = math.inf
    sways: bool = True


@dataclass(frozen=True, slots=True)
class Film:
    """The people of a film, the photograph behind them, and the expected answer.

    `pans` is how far the camera moves, in widths of the picture a second.
    """

    name: str
    seconds: float
    figures: Sequence[Figure]
    answer: Answer
    background: str = "coffee"
    pans: float = 0.0

    def shoot(self, folder: Path) -> Path:
        """Writes the film into a folder."""
        file = folder / f"{self.name}.mp4"
        with av.open(str(file), "w") as container:
            stream = container.add_stream("libx264", rate=FPS)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            stream.options = {"preset": "veryfast"}
            stage = self._stage()
            for number in range(round(self.seconds * FPS)):
                pixels = np.asarray(stage(number / FPS))
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
            container.mux(stream.encode())
        return file

    def _stage(self) -> Callable[[float], Image.Image]:
        photo = Image.fromarray(photograph(self.background))
        scale = 1.4 * max(WIDTH / photo.width, HEIGHT / photo.height)
        backdrop = photo.resize((round(photo.width * scale), round(photo.height * scale)))
        faces = [(figure, _face(figure)) for figure in self.figures]

        def picture(at_s: float) -> Image.Image:
            left = min(round(self.pans * at_s * WIDTH), backdrop.width - WIDTH)
            drawn = backdrop.crop((left, 0, left + WIDTH, HEIGHT))
            for figure, face in faces:
                if figure.from_s <= at_s < figure.until_s:
                    drawn.paste(face, _corner(figure, face, at_s))
            return drawn

        return picture


def hard_films() -> list[Film]:
    """Those that cost a search most: a face that is small, late, absent or unknown."""
    nobody, stranger = Answer("no_face"), Answer("unknown_face")
    first, second = Answer("known", FIRST), Answer("known", SECOND)
    visitor = [Figure(_STRANGER, 320)]
    return [
        Film("small", 2, [Figure(FIRST, 76, (0.3, 0.4))], first),
        Film("late", 3, [Figure(SECOND, 320, from_s=1.5)], second),
        Film("absent", 2, [], nobody),
        Film("absent, moving", 2, [], nobody, background="rocket", pans=0.1),
        Film("stranger", 2, visitor, stranger),
        Film("stranger, moving", 2, visitor, stranger, pans=0.1),
    ]


def portrait(seconds: float = 1) -> Film:
    """Make a film of one large face that the demo knows."""
    return Film(
        "portrait",
        seconds,
        [Figure(FIRST, 400)],
        Answer("known", FIRST),
    )


def class_film(seconds: float) -> Film:
    """Make a film of three known people and a stranger; the first one is the answer.

    The third one comes later, the stranger leaves earlier.
    """
    return Film(
        "class",
        seconds,
        [
            Figure(FIRST, 200, (0.15, 0.4)),
            Figure(SECOND, 180, (0.4, 0.55)),
            Figure(THIRD, 190, (0.63, 0.4), from_s=seconds / 4),
            Figure(_STRANGER, 170, (0.87, 0.55), until_s=seconds * 3 / 4),
        ],
        Answer("known", FIRST),
    )


ATTENDING = (FIRST, SECOND, THIRD)
"""The known people in the class."""


def _corner(figure: Figure, face: Image.Image, at_s: float) -> tuple[int, int]:
    sway = figure.height / 10 if figure.sways else 0
    # Two people do not sway alike.
    phase = 10 * figure.at[0]
    x = figure.at[0] * WIDTH + sway * math.sin(3 * at_s + phase)
    y = figure.at[1] * HEIGHT + sway * math.cos(2 * at_s + phase) / 2
    return round(x - face.width / 2), round(y - face.height / 2)


def _face(figure: Figure) -> Image.Image:
    face = stranger(0) if figure.face == _STRANGER else filmed_face(figure.face)
    size = (figure.height, figure.height)
    light = (face * 0.85).astype(np.uint8)
    return Image.fromarray(light).resize(size, Image.Resampling.BICUBIC)
