"""What somebody who looks at a picture finds in it: things, each with its name, colour, style and place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from limner.engine.run import Picture
from limner.pictures.scenes import Scene

Mask = Bool[np.ndarray, "height width"]
Box = tuple[int, int, int, int]
"""Top, left, bottom and right, in pixels; bottom and right are the first outside."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing: `word` is its noun or its shape, "" where it is nothing that can be named; `sure` in 0 ... 1.

    `colour` is one of `pictures.words.COLOURS`, "" where the thing is not of one colour; `style` a picture set's style
    word, "silhouette" or "shape".
    """

    word: str
    sure: float
    colour: str
    style: str
    mask: Mask

    @property
    def box(self) -> Box:
        rows, columns = (np.flatnonzero(self.mask.any(axis)) for axis in (1, 0))
        return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1

    @property
    def centre(self) -> tuple[float, float]:
        """Row and column of the mask's centre of mass, as shares of the picture's height and width."""
        rows, columns = np.nonzero(self.mask)
        height, width = self.mask.shape
        return (float(rows.mean()) + 0.5) / height, (float(columns.mean()) + 0.5) / width


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as it was understood: its things, the largest first; `broken` if any is a half, a blend or a blur."""

    things: tuple[Found, ...]
    broken: bool


class Eye(Protocol):
    """Whoever looks: the oracle, or the truth about a picture that a program composed."""

    @property
    def identity(self) -> str:
        """Of its weights."""

    def see(self, pictures: Sequence[Picture]) -> list[Seen]: ...

    def features(self, pictures: Sequence[Picture]) -> Float[Tensor, "n d"]:
        """What the pictures are like, as numbers: near if they are alike."""

    def knows(self, word: str) -> bool: ...

    def alike(self, one: str, other: str) -> bool:
        """Whether the two words are told apart by nobody who sees only the picture; every word is like itself."""


def truth(scene: Scene) -> Seen:
    """What is in a composed scene, the largest thing first; what nothing is left of is not there."""
    things = [
        Found(thing.word, 1.0, thing.colour, thing.style, mask)
        for thing, mask in zip(scene.things, scene.masks, strict=True)
        if mask.any()
    ]
    return Seen(tuple(sorted(things, key=lambda each: -int(each.mask.sum()))), broken=False)


def iou(one: Mask, other: Mask) -> float:
    """Intersection over union of two masks; 0 where both are empty."""
    return float((one & other).sum() / max(1, (one | other).sum()))
