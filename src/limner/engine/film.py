"""A picture's words, step by step: watched while an engine draws it again among others' jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from limner.bundle import Bundle
from limner.control.frames import Frames
from limner.engine.explain import Heat, columns, heat, looks, words_of
from limner.errors import LimnerError
from limner.recipe import Recipe

FRAMES = 20  # steps of a film
WORDS = 40  # of a long prompt the first
SIDE = 48  # places along the longer side of a map

Maps: TypeAlias = Float[np.ndarray, "frames words h w"]


@dataclass(frozen=True, slots=True)
class Film:
    """Where each word was looked for, in [0, 1]: first in all steps together, then in some, with number and sigma."""

    words: tuple[str, ...]
    steps: tuple[tuple[int, float], ...]
    maps: Maps


@dataclass(frozen=True, slots=True)
class Camera:
    """Whoever watches one job of an engine's, and what comes of it."""

    words: tuple[str, ...]
    frames: Frames
    size: tuple[int, int]

    def film(self) -> Film:
        """LimnerError if the words were never looked at."""
        if not self.frames.total.sums:
            raise LimnerError("the prompt was never looked at", "guidance 0 ignores it")
        seen = [self.frames.total, *(each for _, _, each in self.frames.looks)]
        maps: Sequence[Sequence[Heat]] = [heat(each, self.size) for each in seen]
        steps = tuple((number + 1, sigma) for number, sigma, _ in self.frames.looks)
        return Film(self.words, steps, np.array(maps, np.float32))


def camera(recipe: Recipe, bundle: Bundle) -> Camera:
    """A watcher of the recipe's words, or of the first of many; LimnerError if there is none."""
    words = words_of(recipe, bundle)[:WORDS]
    taken = looks(recipe)
    kept = {round(each) for each in np.linspace(0, taken - 1, min(FRAMES, taken))}
    scale = SIDE / max(recipe.width, recipe.height)
    size = max(1, round(recipe.height * scale)), max(1, round(recipe.width * scale))
    return Camera(tuple(word.word for word in words), Frames(columns(words), kept), size)
