"""Boxes on the outlines of France: which outline shows one, and where on it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ckanext.ecosphere.shared import outlines

#: Pixels that a rectangle has at least, so that it is seen and met.
SMALLEST = 6.0

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees (WGS 84)."""


@dataclass(frozen=True)
class Rectangle:
    """A box in pixels of the drawing."""

    x: float
    y: float
    width: float
    height: float


def frame_of(box: Box) -> outlines.Frame | None:
    """Return the outline that has the middle of a box, None when it lies elsewhere."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return next(
        (each for each in outlines.frames() if each.box[0] <= x <= each.box[2] and each.box[1] <= y <= each.box[3]),
        None,
    )


def rectangle(frame: outlines.Frame, box: Box, smallest: float = SMALLEST) -> Rectangle:
    """Return where a box stands on an outline, cut at its sides and at least `smallest` pixels wide and high."""
    left = max((box[0] - frame.box[0]) * frame.scale_x, 0)
    right = min((box[2] - frame.box[0]) * frame.scale_x, frame.width)
    top = max((frame.box[3] - box[3]) * frame.scale_y, 0)
    bottom = min((frame.box[3] - box[1]) * frame.scale_y, frame.height)
    width, height = max(right - left, smallest), max(bottom - top, smallest)
    return Rectangle(round(left, 1), round(top, 1), round(width, 1), round(height, 1))
