"""Boxes: rectangles in a frame."""

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
        """Whether both show the same face: they share at least a third of their union."""
        return self.shared_part(other) >= 1 / 3

    def shared_part(self, other: "Box") -> float:
        """Return the share of the union that both boxes cover, from 0 to 1."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(0, width) * max(0, height)
        return shared / max(1, self.area + other.area - shared)

    def near(self, other: "Box") -> bool:
        """Whether both may be the same face a moment apart: little moved, and of similar size."""
        smaller, larger = sorted((self.height, other.height))
        across = abs(self.left + self.right - other.left - other.right) / 2
        down = abs(self.top + self.bottom - other.top - other.bottom) / 2
        return larger <= 2 * smaller and max(across, down) <= 1.5 * larger

    def grown(self, down: int, across: int) -> "Box":
        """Return the box with `down` pixels more above and below, `across` on either side."""
        return Box(self.top - down, self.right + across, self.bottom + down, self.left - across)

    def moved(self, down: int, right: int) -> "Box":
        """Return the box moved by whole pixels."""
        return Box(self.top + down, self.right + right, self.bottom + down, self.left + right)

    def scaled(self, scale: float) -> "Box":
        """Return the box in a picture that is `scale` times as large."""
        return Box(*(round(edge * scale) for edge in self))

    def within(self, width: int, height: int) -> "Box":
        """Return the part of the box inside a frame."""
        return Box(
            max(0, self.top), min(width, self.right), min(height, self.bottom), max(0, self.left)
        )
