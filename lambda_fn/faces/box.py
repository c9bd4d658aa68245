"""Rectangles in a frame."""

from typing import NamedTuple


class Box(NamedTuple):
    """A part of a frame, such as a face, in pixels of the full-size frame."""

    top: int
    right: int
    bottom: int
    left: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def area(self) -> int:
        return self.width * self.height

    def overlaps(self, other: "Box") -> bool:
        """Whether both are about the same face: they share at least a third of their union."""
        shared = self._shared(other)
        return 3 * shared >= self.area + other.area - shared

    def touches(self, other: "Box") -> bool:
        """Whether both have a pixel in common."""
        return self._shared(other) > 0

    def near(self, other: "Box") -> bool:
        """Whether both may be the same face, a moment apart: little moved, and of like size."""
        smaller, larger = sorted((self.height, other.height))
        across = abs(self.left + self.right - other.left - other.right) / 2
        down = abs(self.top + self.bottom - other.top - other.bottom) / 2
        return larger <= 2 * smaller and max(across, down) <= 1.5 * larger

    def around(self, other: "Box") -> "Box":
        """The least box that holds both."""
        return Box(
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
        )

    def grown(self, down: int, across: int) -> "Box":
        """The box with so many pixels more on each side."""
        return Box(self.top - down, self.right + across, self.bottom + down, self.left - across)

    def moved(self, down: int, right: int) -> "Box":
        """The box so many pixels further down and to the right."""
        return Box(self.top + down, self.right + right, self.bottom + down, self.left + right)

    def scaled(self, scale: float) -> "Box":
        """The box in a picture that is so many times as large."""
        return Box(*(round(edge * scale) for edge in self))

    def within(self, width: int, height: int) -> "Box":
        """What of the box lies in a frame."""
        return Box(
            max(0, self.top), min(width, self.right), min(height, self.bottom), max(0, self.left)
        )

    def _shared(self, other: "Box") -> int:
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0, width) * max(0, height)
