"""Plain geometric shapes in exact colours: the one kind of picture whose every word is true by construction."""

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

Points = list[tuple[float, float]]
_OVERSAMPLING = 4


def _regular(corners: int, turn: float = 0.0, inner: float = 1.0) -> Points:
    """Corners on the unit circle, the first at the top; every other one at radius `inner`."""
    angles = [math.tau * (i / corners + turn) - math.tau / 4 for i in range(corners)]
    return [
        (math.cos(angle) * (inner if i % 2 else 1.0), math.sin(angle) * (inner if i % 2 else 1.0))
        for i, angle in enumerate(angles)
    ]


def _ellipse(width: float, height: float) -> Points:
    return [(width * x, height * y) for x, y in _regular(72)]


def _heart() -> Points:
    """The sixteen-sin-cubed curve."""
    angles = [math.tau * i / 72 for i in range(72)]
    return [
        (
            math.sin(t) ** 3,
            -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16.5 - 0.1,
        )
        for t in angles
    ]


def _crescent() -> Points:
    outer = [(math.cos(t), math.sin(t)) for t in (0.9 + (math.tau - 1.8) * i / 48 for i in range(49))]
    end_x, end_y = outer[0]
    radius = math.hypot(end_x - 0.45, end_y)
    bound = math.atan2(end_y, end_x - 0.45)
    inner = [
        (0.45 + radius * math.cos(t), radius * math.sin(t))
        for t in (-bound - (math.tau - 2 * bound) * i / 48 for i in range(49))
    ]
    return outer + inner


SHAPES: Mapping[str, Points] = {
    "circle": _ellipse(1, 1),
    "oval": _ellipse(1, 0.6),
    "square": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
    "rectangle": [(-1, -0.55), (1, -0.55), (1, 0.55), (-1, 0.55)],
    "triangle": _regular(3),
    "diamond": [(0, -1), (0.65, 0), (0, 1), (-0.65, 0)],
    "pentagon": _regular(5),
    "hexagon": _regular(6),
    "star": _regular(10, inner=0.42),
    "heart": _heart(),
    "crescent": _crescent(),
    "cross": [
        (-0.3, -0.9), (0.3, -0.9), (0.3, -0.3), (0.9, -0.3), (0.9, 0.3), (0.3, 0.3),
        (0.3, 0.9), (-0.3, 0.9), (-0.3, 0.3), (-0.9, 0.3), (-0.9, -0.3), (-0.3, -0.3),
    ],
    "arrow": [(-1, -0.25), (0.1, -0.25), (0.1, -0.7), (1, 0), (0.1, 0.7), (0.1, 0.25), (-1, 0.25)],
}  # fmt: skip


def draw_shape(name: str, colour: tuple[int, int, int], size: int) -> UInt8[np.ndarray, "size size 4"]:
    """The shape in one exact colour, its edge smoothed in alpha only."""
    side = size * _OVERSAMPLING
    mask = Image.new("L", (side, side), 0)
    corners = [((0.5 + 0.48 * x) * side, (0.5 + 0.48 * y) * side) for x, y in SHAPES[name]]
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    alpha = np.asarray(mask.resize((size, size), Image.Resampling.BOX))
    return np.dstack([np.full((size, size, 3), colour, np.uint8), alpha])
