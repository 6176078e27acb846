"""Where things stand: plain, pale and painted grounds, each with the words that say so."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from limner.pictures.nouns import article
from limner.pictures.words import COLOURS, Colour

Canvas = UInt8[np.ndarray, "size size 3"]


@dataclass(frozen=True)
class Scenery:
    """A sky that fades from `zenith` to `horizon` above a ground, with a band between them and specks over the sky."""

    phrase: str
    zenith: Colour
    horizon: Colour
    ground: Colour
    band: Colour | None = None
    specks: int = 0
    sun: Colour | None = None


SCENERY: Mapping[str, Scenery] = {
    "grass": Scenery("on the grass", (120, 190, 250), (220, 240, 255), (96, 176, 72)),
    "beach": Scenery("on the beach", (120, 200, 250), (225, 245, 255), (240, 216, 160), band=(40, 150, 210)),
    "snow": Scenery("in the snow", (170, 190, 215), (215, 225, 240), (245, 248, 252), specks=40),
    "night": Scenery("at night", (10, 14, 50), (40, 44, 100), (24, 34, 48), specks=30, sun=(250, 245, 215)),
    "table": Scenery("on a table", (236, 226, 208), (226, 214, 194), (168, 112, 64)),
    "sea": Scenery("by the sea", (130, 200, 250), (225, 242, 255), (30, 110, 190)),
    "sunset": Scenery("at sunset", (110, 60, 130), (250, 150, 70), (70, 50, 70), sun=(255, 225, 120)),
}
PALE: Mapping[str, Colour] = {
    f"light {name}": (_pale[0], _pale[1], _pale[2])
    for name, _pale in (
        (name, [round(0.3 * each + 0.7 * 255) for each in colour])
        for name, colour in COLOURS.items()
        if name not in {"black", "white"}
    )
}
GROUNDS: Mapping[str, Colour] = {**COLOURS, **PALE, **{name: each.ground for name, each in SCENERY.items()}}


def background_phrase(name: str) -> str:
    """How a caption says it: "on a white background", "at night"."""
    return SCENERY[name].phrase if name in SCENERY else f"on {article(name)} {name} background"


def paint(name: str, rng: random.Random, size: int) -> Canvas:
    """The ground `name`, one of `GROUNDS`; a painted one differs a little every time."""
    if name in SCENERY:
        return _painted(SCENERY[name], rng, size)
    return np.full((size, size, 3), GROUNDS[name], np.uint8)


def _painted(scenery: Scenery, rng: random.Random, size: int) -> Canvas:
    canvas = np.empty((size, size, 3), np.uint8)
    line = round(size * rng.uniform(0.45, 0.65))
    share = np.linspace(0, 1, line)[:, None]
    canvas[:line] = ((1 - share) * scenery.zenith + share * scenery.horizon)[:, None]
    depth = np.linspace(1.05, 0.85, size - line)[:, None]
    canvas[line:] = np.clip(depth * scenery.ground, 0, 255)[:, None]
    if scenery.band:
        canvas[line - size // 8 : line] = scenery.band
    for _ in range(scenery.specks):
        canvas[rng.randrange(line), rng.randrange(size)] = 255
    if scenery.sun:
        y, x = np.ogrid[:size, :size]
        radius, column = size / 12, rng.uniform(0.1, 0.9) * size
        canvas[(y - size / 6) ** 2 + (x - column) ** 2 < radius**2] = scenery.sun
    return canvas
